"""Many descriptions at once: a folder each, and a report for those that could not be used."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlora.descriptions import BadItem, Item
from genlora.errors import GenloraError, StorageError
from genlora.generators import Request

from ._adapter import GeneratedAdapter

_NOT_OF_REQUESTS = ("dtype", "generator", "allow_harmful", "min_accuracy", "shots", "progress")
"""Options of `generate` that a generator is not asked with."""


@dataclass(frozen=True)
class ItemResult:
    """One of many descriptions, done."""

    item: Item
    folder: Path
    adapter: GeneratedAdapter


@dataclass(frozen=True)
class ItemFailure:
    """One of many descriptions that could not be used, and why."""

    line: int
    name: str
    reason: str


def generate_many(
    generate: Callable[..., GeneratedAdapter],
    items: Iterable[Item | BadItem],
    out: Path,
    *,
    gguf: bool,
    force: bool,
    options: Mapping[str, Any],
) -> Iterator[ItemResult | ItemFailure]:
    """See `GenLora.generate_many`."""
    Request(
        description="a check of the options",
        **{k: v for k, v in options.items() if k not in _NOT_OF_REQUESTS},
    )
    for item in items:
        if isinstance(item, BadItem):
            yield ItemFailure(item.line, "", item.reason)
            continue
        try:
            adapter = generate(item.description, **options)
            yield ItemResult(item, adapter.save(out / item.name, gguf=gguf, force=force), adapter)
        except StorageError as err:
            if not isinstance(err.__cause__, OSError):  # it exists already: only this one is lost
                yield ItemFailure(item.line, item.name, str(err))
                continue
            raise
        except GenloraError as err:
            yield ItemFailure(item.line, item.name, str(err))

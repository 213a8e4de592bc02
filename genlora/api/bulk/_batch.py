"""`GenLora.generate_many`: where adapters go, which of them are there, and who makes the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from genlora.bank import Bank, BankAddress, is_bank, place_of
from genlora.descriptions import BadItem, Item
from genlora.errors import ConfigError
from genlora.jobs import Pool, job_digest
from genlora.versions import versions

from .._adapter import GeneratedAdapter
from ._into_bank import BankTarget
from ._many import FolderTarget, Generate, Made, Settled, check_options, generate_many, make_one, room_for_many


class Generates(Protocol):
    """What makes adapters: `GenLora`. A pool of other processes sends it there, where it opens its bank anew."""

    @property
    def bank(self) -> Bank: ...
    @property
    def generator(self) -> str: ...
    @property
    def embedder(self) -> Any: ...
    def engine(self, kind: str | None = None) -> Any: ...
    @property
    def generate(self) -> Generate: ...


def batch(
    lora: Generates,
    items: Iterable[Item | BadItem],
    out: str | Path | BankAddress,
    *,
    gguf: bool,
    force: bool,
    pool: Pool | None,
    options: Mapping[str, Any],
) -> Iterator[Settled]:
    """See `GenLora.generate_many`."""
    check_options(options)
    place = place_of(out)
    if not is_bank(place):
        assert isinstance(place, Path)
        return _all(lora, items, lambda: FolderTarget(place, gguf=gguf, force=force), gguf, pool, options)
    if gguf:
        raise ConfigError(f"{place}: is a bank, which holds no GGUF files. Leave gguf out, or write to a folder.")
    if options.get("prompt") == "described":
        raise ConfigError(
            f"{place}: is a bank, whose experts are asked with the bare input. Leave the prompt out, or write to a "
            "folder."
        )
    return _into_bank(lora, items, place, force, pool, {**options, "prompt": "bare"})


def _into_bank(
    lora: Generates,
    items: Iterable[Item | BadItem],
    place: Path | BankAddress,
    force: bool,
    pool: Pool | None,
    options: Mapping[str, Any],
) -> Iterator[Settled]:
    with Bank.open(place) as bank:
        yield from _all(lora, items, lambda: BankTarget(bank, force=force), False, pool, options)


def _all(
    lora: Generates,
    items: Iterable[Item | BadItem],
    target: Callable[[], FolderTarget | BankTarget],
    gguf: bool,
    pool: Pool | None,
    options: Mapping[str, Any],
) -> Iterator[Settled]:
    to = target()
    files = isinstance(to, FolderTarget)
    with room_for_many(lora.engine(options.get("generator"))):
        yield from generate_many(
            partial(begin, lora, options, files), items, to, partial(job_of, lora, options, gguf), pool=pool
        )


def begin(lora: Generates, options: Mapping[str, Any], files: bool) -> Callable[[Item], Made]:
    """What makes an item's adapter; called where it is made, be it another machine."""
    return partial(_make, lora, options, files)


def _make(lora: Generates, options: Mapping[str, Any], files: bool, item: Item) -> Made:
    made = make_one(lora.generate, item, options)
    return made.serialised() if files and isinstance(made, GeneratedAdapter) else made


def job_of(lora: Generates, options: Mapping[str, Any], gguf: bool, item: Item) -> str:
    """The digest of everything that decides an item's files: the request, the bank's state, the models, the versions.

    A base that was not at hand for the same-task test is not among them: what was made without it stays.
    """
    given = {k: v for k, v in {**options, **item.options}.items() if k != "progress"}
    asked = {k: v for k, v in given.items() if v not in (None, (), [], False)}
    if "exclude" in asked:
        asked["exclude"] = sorted(asked["exclude"])
    engine = lora.engine(asked.get("generator"))
    artefact = getattr(engine, "artefact", None)
    made_with = [getattr(engine, "digest", ""), "" if artefact is None else artefact.digest]
    return job_digest(
        "generate",
        {
            "name": item.name,
            "description": item.description,
            "options": {**asked, "generator": engine.kind},
            "gguf": gguf,
            "bank": lora.bank.revision,
            "base": lora.bank.layout.fingerprint,
            "embedder": lora.embedder.id,
            "artefacts": made_with,
            "versions": versions(),
        },
    )

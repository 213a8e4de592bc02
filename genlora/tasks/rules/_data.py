"""What rule-made tasks are drawn from: how one is told, and the word lists."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from genlora.errors import TaskError
from genlora.files import parse_json

from .._draw import Draw


@dataclass(frozen=True)
class Rule:
    """How one task's examples are drawn."""

    draw: Callable[[Draw], tuple[str, str]]
    """Returns (input, answer); the answer must follow from the input alone."""
    labels: tuple[str, ...] = ()
    """The fixed set of answers of a classifying task; empty for free answers."""
    count: int = 800
    """How many distinct inputs are wanted."""


@cache
def _lists(name: str) -> dict[str, tuple[str, ...]]:
    where = files("genlora.tasks") / "data" / "rules" / f"{name}.json"
    loaded = parse_json(where.read_bytes(), where=where.name)
    if not isinstance(loaded, dict):
        raise TaskError(
            f"{where.name}: expected an object of word lists, found {type(loaded).__name__}. Reinstall genlora."
        )
    return {key: tuple(items) for key, items in loaded.items()}


def words(name: str, *, of: str = "words") -> tuple[str, ...]:
    """The word list `name` of `data/rules/<of>.json`."""
    return _lists(of)[name]

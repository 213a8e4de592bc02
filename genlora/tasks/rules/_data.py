"""What rule-made tasks are drawn from: a portable seeded stream of choices, and the word lists."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeVar

from genlora.errors import TaskError
from genlora.files import parse_json

T = TypeVar("T")


class Draw:
    """Seeded choices built on `random.random()` alone, the one stream Python promises to keep between versions."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of `items`, all equally likely."""
        return items[int(self._random() * len(items))]

    def some(self, items: Sequence[T], n: int) -> list[T]:
        """`n` different positions of `items`, in random order; `n` must not exceed their number."""
        pool = list(items)
        for i in range(n):
            j = self.between(i, len(pool) - 1)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:n]

    def chance(self, share: float) -> bool:
        """True for about `share` of the calls."""
        return self._random() < share


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

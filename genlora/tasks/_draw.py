"""A portable seeded stream of choices: what rules and specs draw their rows from."""

import random
from collections.abc import Sequence
from typing import TypeVar

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

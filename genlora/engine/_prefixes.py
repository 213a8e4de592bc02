"""Beginnings that many prompts share: their keys and values are computed once for each adapter, and kept.

The system turn, a description and its examples stand before every input of an adapter. What a position holds depends on
the tokens up to it and on the adapter alone, so the next request takes it over.
"""

from collections.abc import Sequence

from torch import Tensor

from genlora.lru import Lru

SHORTEST = 16
"""Tokens under which a beginning is computed again: copying it would save nothing."""


class Prefixes:
    """Keys and values of beginnings by (adapter, tokens); the least recently used go first. One thread's."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: Lru[tuple[str, tuple[int, ...]], Tensor] = Lru(most_bytes)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """How much is kept."""
        return self._kept.used

    def length(self, key: str, beginning: Sequence[int]) -> int:
        """How many positions are kept for this beginning: all of them, or 0."""
        return len(beginning) if (key, tuple(beginning)) in self._kept else 0

    def get(self, key: str, beginning: Sequence[int]) -> Tensor:
        """(layer, key or value, head, position, width) of a beginning that is kept."""
        found = self._kept.get((key, tuple(beginning)))
        if found is None:
            raise KeyError(key)
        return found

    def keep(self, key: str, beginning: Sequence[int], data: Tensor) -> None:
        """Keep a copy of `data`, unless it is there already or larger than all that may be kept."""
        name, size = (key, tuple(beginning)), data.numel() * data.element_size()
        if name not in self._kept and len(beginning) >= SHORTEST and self._kept.make_room(size):
            self._kept.put(name, data.clone(), size)

"""Beginnings that many prompts share: their keys and values are computed once for each adapter, and kept.

The system turn, a description and its examples stand before every input of an adapter. What a position holds depends on
the tokens up to it and on the adapter alone, so the next request takes it over.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

SHORTEST = 16
"""Tokens under which a beginning is computed again: copying it would save nothing."""


class Prefixes:
    """Keys and values of beginnings by (adapter, tokens); the least recently used go first. One thread's."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._kept: OrderedDict[tuple[str, tuple[int, ...]], Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def length(self, key: str, beginning: Sequence[int]) -> int:
        """How many positions are kept for this beginning: all of them, or 0."""
        return len(beginning) if (key, tuple(beginning)) in self._kept else 0

    def get(self, key: str, beginning: Sequence[int]) -> Tensor:
        """(layer, key or value, head, position, width) of a beginning that is kept."""
        found = (key, tuple(beginning))
        self._kept.move_to_end(found)
        return self._kept[found]

    def keep(self, key: str, beginning: Sequence[int], data: Tensor) -> None:
        """Keep a copy of `data`, unless it is there already or larger than all that may be kept."""
        name, size = (key, tuple(beginning)), data.numel() * data.element_size()
        if name in self._kept or len(beginning) < SHORTEST or size > self.most_bytes:
            return
        while self.bytes + size > self.most_bytes:
            _, dropped = self._kept.popitem(last=False)
            self.bytes -= dropped.numel() * dropped.element_size()
        self._kept[name] = data.clone()
        self.bytes += size

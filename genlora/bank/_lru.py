"""A small cache by bytes."""

import threading
from collections import OrderedDict
from typing import Any


class Lru:
    """Values by key, at most so many bytes; the least recently used go first. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._items: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> Any:
        """The value, or None."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def put(self, key: Any, value: Any, size: int) -> None:
        """Keep a value of `size` bytes; one over the limit is not kept."""
        with self._lock:
            if key in self._items or size > self._limit:
                return
            self._items[key] = (value, size)
            self._used += size
            while self._used > self._limit:
                self._used -= self._items.popitem(last=False)[1][1]

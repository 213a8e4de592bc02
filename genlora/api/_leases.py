"""Values by name, a bounded number of them: the least recently used go first, those in use never."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class LeasedLru(Generic[Value]):
    """At most `limit` values. A leased one stays until its last lease is given back. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.evictions = 0
        self._items: OrderedDict[str, Value] = OrderedDict()
        self._leases: dict[str, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def keys(self) -> list[str]:
        """Names, least recently used first."""
        with self._lock:
            return list(self._items)

    def get(self, name: str) -> Value | None:
        """The value, which is now the most recently used; None if it is not here."""
        with self._lock:
            if name in self._items:
                self._items.move_to_end(name)
            return self._items.get(name)

    def lease(self, name: str) -> Value | None:
        """`get`, and keep it until `release`."""
        with self._lock:
            if name not in self._items:
                return None
            self._items.move_to_end(name)
            self._leases[name] = self._leases.get(name, 0) + 1
            return self._items[name]

    def release(self, name: str) -> None:
        """Give one lease back."""
        with self._lock:
            left = self._leases.get(name, 0) - 1
            if left > 0:
                self._leases[name] = left
            else:
                self._leases.pop(name, None)

    def put(self, name: str, value: Value) -> bool:
        """Keep a value, and let go of the one unused for longest. False, and not kept, where all are in use."""
        with self._lock:
            if name not in self._items and len(self._items) >= self.limit:
                idle = next((n for n in self._items if n not in self._leases), None)
                if idle is None:
                    return False
                del self._items[idle]
                self.evictions += 1
            self._items[name] = value
            self._items.move_to_end(name)
            return True

"""A cache of bounded size: what was not used for longest goes first, what is leased never."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Lru(Generic[Key, Value]):
    """Values by key, of sizes that add up to `limit` at most. Thread-safe.

    Args:
        limit: in whatever unit `put` is told sizes in: bytes, slots, or one for each value.
        on_evict: told the key and value of each that is let go; called with the lock held.
    """

    def __init__(self, limit: int, *, on_evict: Callable[[Key, Value], None] | None = None) -> None:
        self.limit, self.evictions = limit, 0
        self._on_evict = on_evict
        self._used = 0
        self._items: OrderedDict[Key, tuple[Value, int]] = OrderedDict()  # least recently used first
        self._leases: dict[Key, int] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    @property
    def used(self) -> int:
        """The sum of the sizes of what is kept."""
        return self._used

    @property
    def leased(self) -> int:
        """How many values are leased."""
        return len(self._leases)

    def keys(self) -> tuple[Key, ...]:
        """Least recently used first."""
        with self._lock:
            return tuple(self._items)

    def values(self) -> tuple[Value, ...]:
        """Least recently used first."""
        with self._lock:
            return tuple(value for value, _ in self._items.values())

    def peek(self, key: Key) -> Value | None:
        """The value, whose turn to go does not change; None if it is not here."""
        with self._lock:
            found = self._items.get(key)
            return None if found is None else found[0]

    def get(self, key: Key) -> Value | None:
        """The value, which is now the most recently used; None if it is not here."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def lease(self, key: Key) -> Value | None:
        """`get`, and keep it until `release` was called as often."""
        with self._lock:
            value = self.get(key)
            if key in self._items:
                self._leases[key] = self._leases.get(key, 0) + 1
            return value

    def release(self, key: Key) -> None:
        """Give one lease back."""
        with self._lock:
            left = self._leases.pop(key, 0) - 1
            if left > 0:
                self._leases[key] = left

    def drop(self, key: Key) -> None:
        """Forget a value, leased or not; whoever has it goes on with it."""
        with self._lock:
            _, freed = self._items.pop(key, (None, 0))
            self._used -= freed

    def make_room(self, size: int) -> bool:
        """Let go of as many as `size` needs; False, and nothing is let go of, where leases leave too little."""
        with self._lock:
            return self._fit(size, self._leases.keys() & self._items.keys())

    def put(self, key: Key, value: Value, size: int = 1) -> bool:
        """Keep a value, in the place of one of its key; False, and it is not kept, where there is no room for it."""
        with self._lock:
            before = self._items.get(key, (None, 0))[1]
            if not self._fit(size - before, {*self._leases, key} & self._items.keys()):
                return False
            self._items[key] = (value, size)
            self._items.move_to_end(key)
            self._used += size - before
            return True

    def _fit(self, more: int, held: set[Key]) -> bool:
        if more + sum(self._items[key][1] for key in held) > self.limit:
            return False
        idle = [key for key in self._items if key not in held]
        while self._used + more > self.limit:
            key = idle.pop(0)
            value, freed = self._items.pop(key)
            self._used -= freed
            self.evictions += 1
            if self._on_evict is not None:
                self._on_evict(key, value)
        return True

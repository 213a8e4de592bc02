"""A cache of bounded size: what was not used for longest goes first, what is leased never."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Part(NamedTuple):
    """What several values share: it counts once, and for as long as one of them is here."""

    name: Hashable
    size: int


class Item(NamedTuple, Generic[Value]):
    """A value with its own size and what it shares."""

    value: Value
    size: int
    part: Part | None


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
        self._items: OrderedDict[Key, Item[Value]] = OrderedDict()  # least recently used first
        self._shared: dict[Hashable, int] = {}
        self._leases: dict[Key, int] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    @property
    def used(self) -> int:
        """What all values take together."""
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
            return tuple(item.value for item in self._items.values())

    def peek(self, key: Key) -> Value | None:
        """The value, whose turn to go does not change; None if it is not here."""
        with self._lock:
            found = self._items.get(key)
            return None if found is None else found.value

    def get(self, key: Key) -> Value | None:
        """The value, which is now the most recently used; None if it is not here."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key].value

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
            if key in self._items:
                self._leave(key)

    def make_room(self, size: int) -> bool:
        """Let go of as many as `size` needs; False, and nothing is let go of, where leases leave too little."""
        with self._lock:
            held = self._leases.keys() & self._items.keys()
            if size + _total(self._items[key] for key in held) > self.limit:
                return False
            self._evict(self.limit - size, held)
            return True

    def keep(self, most: int) -> bool:
        """Let go until no more than `most` values are left, whatever their sizes; False where leases leave more."""
        with self._lock:
            idle = [key for key in self._items if key not in self._leases]
            for key in idle[: max(0, len(self._items) - most)]:
                self._let_go(key)
            return len(self._items) <= most

    def put(self, key: Key, value: Value, size: int = 1, *, part: Part | None = None) -> bool:
        """Keep a value, in the place of one of its key; False, and it is not kept, where there is no room for it.

        `part` is what it shares with others, beside its own `size`; who gives a part of one name gives it one size.
        """
        with self._lock:
            item = Item(value, size, part)
            held = (self._leases.keys() & self._items.keys()) - {key}
            if _total([item, *(self._items[other] for other in held)]) > self.limit:
                return False
            if key in self._items:
                self._leave(key)
            self._items[key] = item
            self._used += size
            if part is not None:
                self._used += 0 if part.name in self._shared else part.size
                self._shared[part.name] = self._shared.get(part.name, 0) + 1
            self._evict(self.limit, {*held, key})
            return True

    def _evict(self, most: int, held: set[Key]) -> None:
        """Let go of those that are not `held` until `most` is left."""
        idle = [key for key in self._items if key not in held]
        while self._used > most:
            self._let_go(idle.pop(0))

    def _let_go(self, key: Key) -> None:
        value = self._leave(key)
        self.evictions += 1
        if self._on_evict is not None:
            self._on_evict(key, value)

    def _leave(self, key: Key) -> Value:
        value, size, part = self._items.pop(key)
        self._used -= size
        if part is not None:
            self._shared[part.name] -= 1
            if not self._shared[part.name]:
                del self._shared[part.name]
                self._used -= part.size
        return value


def _total(items: "Iterable[Item[Value]]") -> int:
    """What these take together, each shared part once."""
    found = list(items)
    return sum(item.size for item in found) + sum(part.size for part in {item.part for item in found} if part)

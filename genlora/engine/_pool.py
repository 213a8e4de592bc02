"""What the engine asks of whoever puts adapters on its model: one pool for each kind that requests may name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

from genlora.lru import Lru


@runtime_checkable
class Served(Protocol):
    """An adapter of some kind that a request names."""

    @property
    def key(self) -> str:
        """Equal keys mean equal weights."""
        ...


Kind = TypeVar("Kind", bound=Served, contravariant=True)


class Pool(Protocol[Kind]):
    """Adapters of one kind on the engine's model. Only the engine's thread changes it; any may read what it holds."""

    held: Lru[str, Any]
    """What is resident, by key, and leased by running requests; the engine gives a lease back with `held.release`."""
    loads: int
    """Adapters that were loaded since the start."""

    @property
    def bytes(self) -> int:
        """Memory that it holds for adapters."""
        ...

    def check(self, adapter: Kind, /) -> None:
        """Refuse an adapter that does not fit this base or this pool, with a `GenloraError`; a resident one passes."""
        ...

    def lease(self, adapter: Kind, /) -> bool:
        """Load it if need be, and keep it until it is released. False while leased ones leave no room."""
        ...

    def applied(self, rows: Sequence[Served | None], tokens: int) -> AbstractContextManager[None]:
        """A pass of `tokens` tokens a row is run inside: row i gets `rows[i]`, if that is resident here.

        Other threads that run the model meanwhile see no adapters.
        """
        ...

    def detach(self) -> None:
        """Take everything off the model."""
        ...


class Pools:
    """One pool for each kind of adapter: who is asked depends on the type of what a request names."""

    def __init__(self, pools: Mapping[type, Pool[Any]]) -> None:
        self._pools = dict(pools)

    def of(self, adapter: Served) -> Pool[Any]:
        """The pool for this kind of adapter."""
        return self._pools[type(adapter)]

    @contextmanager
    def applied(self, rows: Sequence[Served | None], tokens: int) -> Iterator[None]:
        """`Pool.applied` of all of them."""
        with ExitStack() as stack:
            for pool in self._pools.values():
                stack.enter_context(pool.applied(rows, tokens))
            yield

    def detach(self) -> None:
        """Take everything off the model."""
        for pool in self._pools.values():
            pool.detach()

    def stats(self) -> dict[str, Any]:
        """What they hold and have done, as `EngineStats` has it."""
        pools = self._pools.values()
        return {
            "resident": tuple(key for pool in pools for key in pool.held.keys()),
            "leased": sum(pool.held.leased for pool in pools),
            "loads": sum(pool.loads for pool in pools),
            "evictions": sum(pool.held.evictions for pool in pools),
            "slot_bytes": sum(pool.bytes for pool in pools),
        }

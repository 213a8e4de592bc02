"""What the engine asks of whoever puts adapters on its model: one pool for each kind that requests may name."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar


class Served(Protocol):
    """An adapter of some kind that a request names."""

    @property
    def key(self) -> str:
        """Equal keys mean equal weights."""
        ...


Kind = TypeVar("Kind", bound=Served, contravariant=True)


class Pool(Protocol[Kind]):
    """Adapters of one kind on the engine's model. Only the engine's thread changes it; any may read what it holds."""

    loads: int
    """Adapters that were loaded since the start."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the resident adapters, least recently used first."""
        ...

    @property
    def leased(self) -> int:
        """How many of them running requests use."""
        ...

    @property
    def evictions(self) -> int:
        """How many had to make room for others."""
        ...

    @property
    def bytes(self) -> int:
        """Memory that it holds for adapters."""
        ...

    def check(self, adapter: Kind) -> None:
        """Refuse an adapter that does not fit this base or this pool, with a `GenloraError`; a resident one passes."""
        ...

    def lease(self, adapter: Kind) -> bool:
        """Load it if need be, and keep it until `release`. False while leased ones leave no room."""
        ...

    def release(self, key: str) -> None:
        """Give a lease back. The adapter stays until its room is needed."""
        ...

    def applied(self, rows: Sequence[Served | None], tokens: int) -> AbstractContextManager[None]:
        """A pass of `tokens` tokens a row is run inside: row i gets `rows[i]`, if that is resident here.

        Other threads that run the model meanwhile see no adapters.
        """
        ...

    def detach(self) -> None:
        """Take everything off the model."""
        ...

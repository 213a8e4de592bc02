"""What every synthesis shares, of texts as of pictures: ask in rounds, drop what is no use or there already, judge."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """A synthesised item that could be used."""

    item: T
    score: float
    """Of the judge; kept from 0 on."""

    @property
    def kept(self) -> bool:
        return self.score >= 0


@dataclass
class SynthesisCounts:
    """asked = unreadable + duplicate + rejected + kept."""

    asked: int = 0
    unreadable: int = 0
    """Not of the wanted shape."""
    duplicate: int = 0
    """There already, the seeds among them."""
    rejected: int = 0
    """By the judge."""
    kept: int = 0

    @property
    def acceptance(self) -> float:
        """Share of what was judged that was kept."""
        return self.kept / max(1, self.kept + self.rejected)

    def __add__(self, other: "SynthesisCounts") -> "SynthesisCounts":
        return SynthesisCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "acceptance": round(self.acceptance, 4)}

    def told(self) -> str:
        return (
            f"{self.asked} made, {self.unreadable} not of the seeds' shape, {self.duplicate} there already, "
            f"{self.rejected} rejected, {self.kept} kept"
        )


@dataclass
class Synthetic(Generic[T]):
    """Synthesised items so far."""

    candidates: list[Candidate[T]] = field(default_factory=list)
    counts: SynthesisCounts = field(default_factory=SynthesisCounts)

    @property
    def kept(self) -> list[T]:
        return [c.item for c in self.candidates if c.kept]

    @property
    def rejected(self) -> list[T]:
        return [c.item for c in self.candidates if not c.kept]


def synthesis_rounds(
    make: Callable[[int], Sequence[T | None]],
    scores: Callable[[Sequence[T]], Sequence[float]],
    key: Callable[[T], Hashable],
    *,
    count: int,
    most: int,
    seeds: Sequence[T] = (),
) -> Iterator[Synthetic[T]]:
    """Make, clean and judge items in rounds until `count` are kept or `most` were asked for; yields all so far.

    Args:
        make: a round's items, by its number; None is one that cannot be used.
        scores: the judge's, of a round as a whole; an item is kept from 0 on.
        key: items of one key are one item.
        count: items that are wanted.
        most: items that are asked for at most.
        seeds: real items, of which none may come again.
    """
    found: Synthetic[T] = Synthetic()
    seen = {key(s) for s in seeds}
    number = 0
    while found.counts.kept < count and found.counts.asked < most:
        fresh: list[T] = []
        for item in make(number):
            found.counts.asked += 1
            if item is None:
                found.counts.unreadable += 1
            elif key(item) in seen:
                found.counts.duplicate += 1
            else:
                seen.add(key(item))
                fresh.append(item)
        number += 1
        judged = [Candidate(i, float(s)) for i, s in zip(fresh, scores(fresh), strict=True)] if fresh else []
        found.candidates += judged
        found.counts.kept += sum(c.kept for c in judged)
        found.counts.rejected += sum(not c.kept for c in judged)
        yield found

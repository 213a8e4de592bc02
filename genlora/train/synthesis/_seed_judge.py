"""What stands in for a discriminator where an expert has none: how near the seeds are to each other."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


class SeedJudge:
    """Keeps an input whose nearest seed is as similar as that of the loneliest seed is among the others.

    Similarity is the cosine of the task embedder's vectors. Five seeds say little: it drops what is about something
    else, and not what only looks right.
    """

    def __init__(self, seeds: Sequence[str], embed: Embed, *, instead_of: str = "no discriminator") -> None:
        self._instead_of = instead_of
        self._embed = embed
        self._seeds = embed(seeds)
        own = self._seeds @ self._seeds.T
        np.fill_diagonal(own, -1.0)
        self.least = float(own.max(1).min())
        """Cosine to the nearest seed from which on an input is kept."""

    @property
    def how(self) -> str:
        return f"{self._instead_of}, but similarity: a cosine of {self.least:.2f} or more to the nearest of the seeds"

    def scores(self, texts: Sequence[str]) -> list[float]:
        """Cosine to the nearest seed, over the least that is kept."""
        near = (self._embed(texts) @ self._seeds.T).max(1)
        return [float(v) for v in near - self.least]

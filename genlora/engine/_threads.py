"""How many threads a short decoding step takes: the number that its own first steps found quickest.

A step of one row is hundreds of small products, after each of which threads wait for one another: two threads of one
core take longer than one alone, and beside other programs so do many cores. The number is set for the calling thread
only (OpenMP's own setting through threadpoolctl), for torch's is the whole process's. Each output is summed by one
thread, so answers do not depend on the number.
"""

import logging
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

log = logging.getLogger(__name__)

_SAMPLES = 6
"""Steps that are timed with each number, one after the other: a change costs the next step time of its own."""
ROWS = 8
"""Of a step that counts as short."""


class StepThreads:
    """Numbers of threads for steps of up to `rows` rows; longer ones keep all `most`."""

    def __init__(self, most: int, rows: int = ROWS) -> None:
        self.most = most
        self._rows = rows
        self._numbers = sorted({most, *(2**i for i in range(most.bit_length()) if 2**i < most)})
        self._took: dict[int, dict[int, list[float]]] = {}
        self._best: dict[int, int] = {}
        self._openmp = ThreadpoolController().select(user_api="openmp")

    def best(self, rows: int) -> int | None:
        """The number that was found for steps of `rows` rows, or None while it is still being measured."""
        return self.most if rows > self._rows or self.most == 1 else self._best.get(rows)

    @contextmanager
    def step(self, rows: int) -> Iterator[None]:
        """Run a step of `rows` rows with its number of threads, or with one that is to be timed."""
        number = self.best(rows)
        if number is None:
            took = self._took.setdefault(rows, {n: [] for n in self._numbers})
            number = next(n for n in self._numbers if len(took[n]) < _SAMPLES)
            start = time.perf_counter()
            with self._openmp.limit(limits=number):
                yield
            took[number].append(time.perf_counter() - start)
            if all(len(found) >= _SAMPLES for found in took.values()):
                self._best[rows] = min(self._numbers, key=lambda n: statistics.median(took[n]))
                del self._took[rows]
                log.info("decoding steps of %d rows take %d of %d threads", rows, self._best[rows], self.most)
        elif number == self.most:
            yield
        else:
            with self._openmp.limit(limits=number):
                yield

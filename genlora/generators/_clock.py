"""How generators run: timed by stages, and on one thread, so that the same request gives the same bytes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Stopwatch:
    """Milliseconds per named stage."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[stage] = self.ms.get(stage, 0.0) + (time.perf_counter() - start) * 1e3


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread inside the block: sums do not depend on how they were split."""
    before = torch.get_num_threads()
    if before == 1:  # every change of the number costs a new team of threads: milliseconds
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

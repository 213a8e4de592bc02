"""Where jobs are worked on: in this process, or by workers elsewhere with the same code."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Pool(Protocol):
    """Works on independent jobs."""

    def run(self, begin: Callable[[], Callable[[Job], Result]], jobs: Iterable[Job]) -> Iterator[Result]:
        """The result of each job, in the order of the jobs, which are drawn as room for them comes.

        `begin` is called once for each worker, and gives what works on its jobs; where workers are other processes it
        and the jobs must be such as can be sent there. A job must give the same result wherever, and however often, it
        is worked on.
        """
        ...


class Here:
    """In this process: one job after the other, each when its result is asked for."""

    def run(self, begin: Callable[[], Callable[[Job], Result]], jobs: Iterable[Job]) -> Iterator[Result]:
        """See `Pool.run`."""
        work = begin()
        for job in jobs:
            yield work(job)

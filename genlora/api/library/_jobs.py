"""Generations under way: one for each adapter however many ask, a bounded number waiting, each can be given up."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import torch

from genlora.errors import CancelledError, EngineError, OverloadError

from ._requests import GenerateRequest
from ._shelf import KeptAdapter

log = logging.getLogger(__name__)


@dataclass(eq=False)
class GenerateJob:
    """One adapter being made, and how many wait for it."""

    request: GenerateRequest
    owner: str = ""
    name: str | None = None
    """What it will be called."""
    expires: int | None = None
    """Until when it will be kept, in seconds since 1970."""
    future: "Future[KeptAdapter]" = field(default_factory=Future)
    callers: int = 1
    progress: float = 0.0
    """From 0 to 1."""
    stage: str = "waiting"
    _given_up: threading.Event = field(default_factory=threading.Event)

    @property
    def id(self) -> str:
        """The adapter's."""
        return self.request.id

    @property
    def key(self) -> tuple[str, str, float | None]:
        """Equal for jobs that one can do for all: what one refuses below its bound, another may want."""
        return self.owner, self.id, self.request.min_accuracy

    @property
    def given_up(self) -> bool:
        """Whether it ends at its next step, so that nobody should wait for it."""
        return self._given_up.is_set()

    def tick(self, stage: str, progress: float) -> None:
        """For whoever makes it: note how far it is. Raises `CancelledError` where nobody waits for it any more."""
        if self._given_up.is_set():
            raise CancelledError(f"{self.id}: was given up while it was made. Ask for it again if it is wanted.")
        self.stage, self.progress = stage, progress

    def give_up(self) -> None:
        """Nobody wants it: it is not begun, or ends at its next step."""
        self._given_up.set()
        self.future.cancel()


class GenerateQueue:
    """Makes adapters in threads of its own. Thread-safe.

    Args:
        make: makes one; it is called in one of the threads.
        running: how many are made at the same time, beside one that is fitted to examples: that takes half a minute,
            and would keep the others waiting.
        waiting: how many may wait; what comes on top is refused at once.
        owners: with several, no one's may be more than half of those that run and wait.
    """

    def __init__(
        self, make: Callable[[GenerateJob], KeptAdapter], *, running: int, waiting: int, owners: int = 1
    ) -> None:
        self._make = make
        self._limits = (running, waiting)
        self._share = running + waiting if owners <= 1 else max(1, (running + waiting) // 2)
        self._jobs: dict[tuple[str, str, float | None], GenerateJob] = {}
        self._lock = threading.RLock()  # cancelling a job calls `_forget` in the same thread
        self._pool, self._slow_pool = single_threaded_pool(running), single_threaded_pool(1)
        self._closed = False
        self._running = 0
        self.most_running = 0
        """The most that were ever made at the same time."""
        self._mean_s = {False: 0.5, True: 30.0}
        """Seconds that one takes, by whether it is fitted."""

    def start(self, wanted: GenerateJob) -> GenerateJob:
        """Queue a job, or join the one that makes the same for the same owner. Never blocks.

        Raises `OverloadError` where too many wait already, `EngineError` after `close`.
        """
        with self._lock:
            if self._closed:
                raise EngineError("this server is shutting down and makes no more adapters. Ask another one.")
            job = self._jobs.get(wanted.key)
            if job is not None and not job.given_up:
                job.callers += 1
                return job
            self._check_room(wanted)
            pool = self._slow_pool if wanted.request.fitted else self._pool
            wanted.future = pool.submit(self._run, wanted)
            self._jobs[wanted.key] = wanted
        wanted.future.add_done_callback(lambda _: self._forget(wanted))
        return wanted

    def _check_room(self, wanted: GenerateJob) -> None:
        running, waiting = self._limits
        slow = wanted.request.fitted
        ahead = sum(job.request.fitted == slow for job in self._jobs.values())
        soon = max(1.0, self._mean_s[slow] * ahead / (1 if slow else running))
        if len(self._jobs) >= running + waiting:
            raise OverloadError(
                f"{waiting} adapters are waiting to be generated already. Ask again in {soon:.0f} s.", retry_after=soon
            )
        if Counter(job.owner for job in self._jobs.values())[wanted.owner] >= self._share:
            raise OverloadError(
                f"{self._share} adapters of this key are being generated already. Ask again in {soon:.0f} s.",
                retry_after=soon,
            )

    def leave(self, job: GenerateJob) -> None:
        """One caller no longer waits. A job that nobody waits for is not begun; one that runs is finished and kept."""
        with self._lock:
            job.callers -= 1
            if job.callers <= 0:
                job.future.cancel()

    def give_up(self, job: GenerateJob) -> None:
        """`leave`, and where nobody waits any more a job that runs ends at its next step."""
        with self._lock:
            self.leave(job)
            if job.callers <= 0:
                job.give_up()

    def _forget(self, job: GenerateJob) -> None:
        with self._lock:
            if self._jobs.get(job.key) is job:
                del self._jobs[job.key]

    def _run(self, job: GenerateJob) -> KeptAdapter:
        with self._lock:
            self._running += 1
            self.most_running = max(self.most_running, self._running)
        began = time.perf_counter()
        try:
            job.tick("making", 0.0)
            made = self._make(job)
        finally:
            with self._lock:
                self._running -= 1
        with self._lock:
            mean = self._mean_s[job.request.fitted]
            self._mean_s[job.request.fitted] = mean + 0.2 * (time.perf_counter() - began - mean)
        return made

    def stats(self) -> dict[str, int]:
        """How many are made now, and wait."""
        with self._lock:
            fitted = sum(job.request.fitted for job in self._jobs.values())
            running = min(len(self._jobs) - fitted, self._limits[0]) + min(fitted, 1)
            return {"running": running, "waiting": len(self._jobs) - running}

    def close(self) -> None:
        """Let running ones end, refuse the waiting ones and all new ones; a fit ends at its next step."""
        with self._lock:
            self._closed = True
            for job in [job for job in self._jobs.values() if job.request.fitted]:
                job.give_up()
        for pool in (self._pool, self._slow_pool):
            pool.shutdown(wait=True, cancel_futures=True)


def single_threaded_pool(threads: int) -> ThreadPoolExecutor:
    """Threads in which torch runs on one core each, as generators want it; other threads keep their number.

    Generators would set and reset the number for every request, and a thread that first uses torch in between, such as
    the engine's, would be left with one core for good.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="genlora-generate")
    before, all_set = torch.get_num_threads(), threading.Barrier(threads + 1)

    def settle() -> None:
        torch.get_num_threads()  # a thread's first question gives it the common number, and would undo what comes next
        torch.set_num_threads(1)
        all_set.wait()

    for _ in range(threads):
        pool.submit(settle)
    all_set.wait()
    torch.set_num_threads(before)  # what threads that start later take
    return pool

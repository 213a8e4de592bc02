"""Generations that nobody waits for on the line: asked after, and cancelled, by a ticket's number."""

import time
import uuid
from concurrent.futures import CancelledError as FutureCancelledError
from dataclasses import dataclass, field
from typing import Literal

from genlora.errors import CancelledError, OverloadError, UnknownJobError

from ._jobs import GenerateJob, GenerateQueue
from ._shelf import KeptAdapter

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
_MOST = 64
"""Tickets of one owner; the oldest that are done make room."""
_KEPT_S = 3600
"""How long a ticket can be asked after once its job is done."""


@dataclass(eq=False)
class Ticket:
    """One job's."""

    job: GenerateJob
    id: str = field(default_factory=lambda: f"job-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    """Seconds since 1970."""
    made: KeptAdapter | None = None
    error: BaseException | None = None
    """Why there is none."""
    finished: int | None = None

    @property
    def owner(self) -> str:
        return self.job.owner

    @property
    def status(self) -> Status:
        if self.finished is None:
            return "running" if self.job.future.running() else "queued"
        if self.made is not None:
            return "succeeded"
        return "cancelled" if isinstance(self.error, CancelledError | FutureCancelledError) else "failed"

    def settle(self) -> None:
        """Note what came of the job, unless the ticket was cancelled."""
        if self.finished is not None:
            return
        try:
            self.error = self.job.future.exception(0)
        except FutureCancelledError as err:
            self.error = err
        if self.error is None:
            self.made = self.job.future.result(0)
        self.finished = int(time.time())

    def cancel(self) -> None:
        """Note that its owner wants nothing more of it."""
        if self.finished is None:
            self.error = CancelledError(f"{self.id} was cancelled.")
            self.finished = int(time.time())


class Tickets:
    """The tickets of one server. Not for two threads at once, but for what jobs do when they are done."""

    def __init__(self, queue: GenerateQueue) -> None:
        self._queue = queue
        self._tickets: dict[str, dict[str, Ticket]] = {}

    def draw(self, job: GenerateJob) -> Ticket:
        """Start a job and give a ticket for it. Raises `OverloadError`."""
        own = self._of(job.owner)
        if len(own) >= _MOST:
            done = next((t for t in own.values() if t.finished is not None), None)
            if done is None:
                raise OverloadError(f"{_MOST} jobs of this key are not done yet. Ask again later.", retry_after=30)
            del own[done.id]
        ticket = Ticket(self._queue.start(job))
        own[ticket.id] = ticket
        ticket.job.future.add_done_callback(lambda _: ticket.settle())
        return ticket

    def get(self, id: str, owner: str) -> Ticket:
        """A ticket. Raises `UnknownJobError`."""
        found = self._of(owner).get(id)
        if found is None:
            raise UnknownJobError(
                f"{id[:80]!r} is no job here: it was never given out to you, or has been done for over "
                f"{_KEPT_S // 60} minutes. GET /v1/jobs lists yours."
            )
        return found

    def cancel(self, id: str, owner: str) -> Ticket:
        """Cancel a ticket; its job ends at its next step if nobody else waits for it. Raises `UnknownJobError`."""
        ticket = self.get(id, owner)
        if ticket.finished is None:
            ticket.cancel()
            self._queue.give_up(ticket.job)
        return ticket

    def all(self, owner: str) -> list[Ticket]:
        """An owner's tickets, oldest first."""
        return list(self._of(owner).values())

    def _of(self, owner: str) -> dict[str, Ticket]:
        own = self._tickets.setdefault(owner, {})
        late = time.time() - _KEPT_S
        for id in [t.id for t in own.values() if t.finished is not None and t.finished < late]:
            del own[id]
        return own

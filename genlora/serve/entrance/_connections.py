"""Who may hold a connection, and for how long: heads, bodies and readers that do not come on are cut off.

A connection that waits for its client costs a descriptor and asks for no key, so anybody could take all there are.
Where there is no room the one that has kept us waiting longest goes; one whose request is being answered never does.
"""

import logging
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .._settings import Limits

log = logging.getLogger(__name__)

BODY_RATE = 256 << 10
"""Bytes a second that extend the time a body may take: a large one that keeps coming is not cut off."""
_DISCARDING_S = 15
"""How much longer than a route reads a body it may take to refuse it."""
_RESERVE = 64
"""Descriptors that connections leave for files and pipes."""
_AT_ONCE = 32
"""Connections that are accepted, or turned away, before those that are open are looked after again."""
_TOLD_EVERY_S = 600


class Connections(ServerState):
    """The connections of one server. All of it runs in the server's loop."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.most = min(limits.connections, _descriptors())
        """Connections at once: as many as were asked for, or as the process has descriptors for."""
        self.accepted = 0
        """Sockets that were accepted and are not closed, those whose protocol is not there yet included."""
        self._per_address: Counter[str] = Counter()
        self._told: float | None = None

    def take(self, address: str) -> bool:
        """Whether one more connection from `address` is accepted now. Cuts another off where that makes room."""
        limit = self.limits.address_connections
        if self._per_address[address] >= limit:
            self._tell(f"{address} holds {limit} connections, which is all one address may")
            if not self._cut_off_oldest(address):
                return False
        self.accepted += 1
        self._per_address[address] += 1
        return True

    def room(self) -> bool:
        """Whether there is room for one more connection; if not, some may have been made for the next time."""
        if self.accepted < self.most:
            return True
        self._tell(f"{self.most} connections are open, which is all there may be")
        self._cut_off_oldest()
        return False

    @property
    def full(self) -> bool:
        """Whether every connection there may be is being answered, so that none can be cut off."""
        return self.accepted >= self.most and not any(c.waiting for c in self._all())

    @property
    def opening(self) -> int:
        """Sockets that were accepted and whose protocol is not there yet."""
        return self.accepted - len(self.connections)

    def lost(self, address: str) -> None:
        """A connection from `address` is closed."""
        self.accepted -= 1
        self._per_address[address] -= 1
        if self._per_address[address] <= 0:
            del self._per_address[address]

    def _all(self) -> "list[Connection]":
        return [c for c in self.connections if isinstance(c, Connection)]

    def _cut_off_oldest(self, address: str | None = None) -> bool:
        waiting = [c for c in self._all() if c.waiting and not c.cut and address in (None, c.address)]
        if waiting:
            min(waiting, key=lambda c: c.since).cut_off()
        return bool(waiting)

    def sweep(self, now: float) -> None:
        """Cut off whoever took too long; call it about every second."""
        for connection in self._all():
            if connection.late(now):
                connection.cut_off()

    def _tell(self, what: str) -> None:
        now = time.monotonic()
        if self._told is None or now - self._told > _TOLD_EVERY_S:
            self._told = now
            log.warning(
                "%s: those that keep the server waiting longest are cut off. This is said once in %d minutes",
                what,
                _TOLD_EVERY_S // 60,
            )


class Connection(H11Protocol):
    """One client's connection, which knows since when it has kept the server waiting."""

    address = ""
    since = 0.0
    """When the client was last expected to begin something: a head, a body, or reading the end."""
    cut = False
    _answered = False
    """Whether the request was answered, and refused by that, before its body had come."""
    _received = 0
    _stalled: float | None = None

    @property
    def _book(self) -> Connections:
        assert isinstance(self.server_state, Connections)
        return self.server_state

    @property
    def waiting(self) -> bool:
        """Whether the next thing is up to the client: to send the rest of a request, or to take the rest of an answer
        after which the connection ends.
        """
        return self.transport.is_closing() or self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def late(self, now: float) -> bool:
        """Whether the client has taken longer than it may for what it is at."""
        limits = self._book.limits
        if self._stalled is not None and now - self._stalled > limits.write_s:
            return True
        if self.transport.is_closing():
            return now - self.since > limits.write_s
        if self.conn.their_state is h11.IDLE:
            return now - self.since > limits.head_s
        if self.conn.their_state is h11.SEND_BODY:
            reading = 0.0 if self._answered else limits.body_s
            return now - self.since > reading + _DISCARDING_S + self._received / BODY_RATE
        return False

    def cut_off(self) -> None:
        """Close at once; the answer that was being made, if any, ends as for a client that left."""
        self.cut = True
        self.transport.abort()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.address = peer(self.client)
        self.since = time.monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._book.lost(self.address)

    def data_received(self, data: bytes) -> None:
        before = self.conn.their_state
        super().data_received(data)
        if self.conn.their_state is before:
            self._received += len(data)
        else:
            self._expect(answered=False)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect(answered=self.conn.their_state is h11.SEND_BODY)

    def _expect(self, *, answered: bool) -> None:
        self.since, self._received, self._answered = time.monotonic(), 0, answered

    def pause_writing(self) -> None:
        self._stalled = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled = None
        super().resume_writing()


class Listener(socket.socket):
    """A listening socket that accepts only as many connections as there is room for."""

    book: Connections

    @classmethod
    def around(cls, listening: socket.socket, book: Connections) -> "Listener":
        """Take over a listening socket."""
        found = cls(listening.family, listening.type, listening.proto, fileno=listening.detach())
        found.book = book
        return found

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises `BlockingIOError` where the loop is to come back later."""
        for _ in range(_AT_ONCE):
            full = self.book.full
            if not full and (self.book.opening >= _AT_ONCE or not self.book.room()):
                break
            found, address = super().accept()
            if not full and self.book.take(peer(address)):
                return found, address
            found.close()
        raise BlockingIOError


def peer(address: Any) -> str:
    """The part of a socket's address that stands for a machine."""
    return str(address[0]) if isinstance(address, tuple) and address else ""


def _descriptors() -> int:
    """How many more files this process may open, less those that connections leave alone."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        files = Path("/proc/self/fd")
        held = len(list(files.iterdir())) if files.is_dir() else _RESERVE
    except ImportError:  # not on Windows, which has no such limit
        return 1 << 20
    if most == resource.RLIM_INFINITY:
        return 1 << 20
    return max(16, most - held - _RESERVE)

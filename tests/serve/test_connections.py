"""Clients that hold connections and say nothing: they go, and nobody else notices."""

import resource
import socket
import time
from contextlib import ExitStack

import httpx
import pytest

from genlora.serve import Limits
from genlora.serve.entrance._connections import Connections, Listener, peer

pytestmark = pytest.mark.usefixtures("allow_sockets")

HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def closed(one: socket.socket) -> bool:
    """Whether the server has hung up."""
    one.settimeout(0.01)
    try:
        return one.recv(4096) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def wait_for(what, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture(scope="module")
def strict(serving):
    with serving(limits=Limits(connections=24, head_s=8.0, body_s=0.5, write_s=0.5)) as found:
        yield found


def test_half_open_sockets_beyond_the_limit_let_others_in_and_are_gone_in_time(strict, caplog):
    with ExitStack() as kept:
        idle = [kept.enter_context(socket.create_connection(("127.0.0.1", strict.port))) for _ in range(60)]
        for one in idle[::2]:
            one.sendall(b"GET /v1/mod")
        for _ in range(5):  # while they hold all there is
            assert httpx.get(f"{strict.url}/v1/models").status_code == 200
        assert strict.server._connections.accepted <= 24
        wait_for(lambda: strict.server._connections.accepted == 0)
        assert all(closed(one) for one in idle)
    assert caplog.text.count("all there may be") == 1 and "Traceback" not in caplog.text


def test_a_body_that_trickles_is_cut_off_though_its_request_was_refused(strict, monkeypatch):
    monkeypatch.setattr("genlora.serve.entrance._connections._DISCARDING_S", 0.5)
    for head in (HEAD, HEAD.replace(b"json", b"text"), b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n"):
        with socket.create_connection(("127.0.0.1", strict.port)) as slow:
            slow.sendall(head + b"Content-Length: 1000\r\n\r\n{")
            slow.settimeout(0.05)
            until = time.monotonic() + 60
            try:
                while True:
                    assert time.monotonic() < until
                    slow.sendall(b" ")
                    try:
                        if slow.recv(4096) == b"":
                            break
                    except TimeoutError:
                        pass
            except ConnectionError:
                pass
    wait_for(lambda: strict.server._connections.accepted == 0)


def test_after_the_answer_a_body_has_no_more_of_the_time_for_bodies(serving, monkeypatch):
    monkeypatch.setattr("genlora.serve.entrance._connections._DISCARDING_S", 0.5)
    with serving(limits=Limits(body_s=6.0)) as s, socket.create_connection(("127.0.0.1", s.port)) as slow:
        slow.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        slow.settimeout(60)
        assert b" 408 " in slow.recv(65536)
        began = time.monotonic()
        wait_for(lambda: s.server._connections.accepted == 0)
        assert time.monotonic() - began < 5


def test_a_client_that_reads_nothing_of_its_answer_is_cut_off(strict):
    made = strict.library.create("sort the given words").id
    with socket.create_connection(("127.0.0.1", strict.port)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(400):  # answers pile up, pipelined, until the server cannot write
            try:
                deaf.sendall(f"GET /v1/adapters/{made}?format=zip HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            except ConnectionError:
                break
        wait_for(lambda: strict.server._connections.accepted == 0)


def test_an_answer_under_way_is_never_cut_off(strict):
    body = {"model": "base", "prompt": "a b", "max_tokens": 300, "stream": True}
    with httpx.stream("POST", f"{strict.url}/v1/completions", json=body, timeout=60) as answer, ExitStack() as kept:
        lines = answer.iter_lines()
        next(lines)
        for _ in range(40):
            kept.enter_context(socket.create_connection(("127.0.0.1", strict.port)))
        assert [line for line in lines if line][-1] == "data: [DONE]"


def test_one_address_has_a_share(serving):
    with serving(limits=Limits(address_connections=4)) as s, ExitStack() as kept:
        idle = [kept.enter_context(socket.create_connection(("127.0.0.1", s.port))) for _ in range(10)]
        assert httpx.get(f"{s.url}/v1/models").status_code == 200
        assert sum(map(closed, idle)) >= 6 and s.server._connections.accepted <= 5


def test_connections_leave_descriptors_for_the_rest(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    assert 700 < Connections(Limits(connections=5000)).most < 1024 - 64
    assert Connections(Limits(connections=50)).most == 50
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert Connections(Limits(connections=5000)).most == 5000


def test_where_all_are_busy_new_ones_are_turned_away():
    book = Connections(Limits(connections=1))
    with socket.create_server(("127.0.0.1", 0)) as plain, Listener.around(plain, book) as listening:
        listening.setblocking(False)
        book.accepted = 1  # being answered: it is in no list of those that wait
        with socket.create_connection(listening.getsockname()) as late:
            with pytest.raises(BlockingIOError):
                listening.accept()
            wait_for(lambda: closed(late))
    assert peer(None) == "" and peer(("::1", 5, 0, 0)) == "::1"

"""Clients that hold on to a server, and a server that keeps adapters: do connections and memory stay within bounds?

    python benchmarks/serve_limits.py [--only slow|kept] [-- SERVE OPTIONS]

`slow`: a `genlora serve` with a key and 1,024 file descriptors. 1,500 sockets are opened, half of them with the
beginning of a request, from 8 addresses of the loopback network (so that the limit for all is reached, not that for one
address); while they are there, a client with the key asks, from an address of theirs and from one of its own. After
70 s those that the server has not closed are counted. Then 300 bodies, of requests without the key and with it, come a
byte a second; after 60 s those that are still open are counted. Linux only.
`kept`: 500 descriptions (`--count`) are made into adapters, each asked once. How much memory the server holds beyond
what it held before the first (the base and an expert were asked already), and how many adapters are still there.
"""

import argparse
import asyncio
import os
import resource
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from common import machine, save_result
from serve_load import start_server

HALF_OPEN, SLOW_BODIES, DESCRIPTORS = 1500, 300, 1024
ADDRESSES = [f"127.0.0.{n}" for n in range(11, 19)]
"""Where the sockets come from."""
OWN = "127.0.0.99"
"""Where the client with the key comes from, the second time."""
ASKED = "apple"
TARGETS = {"half_open_left": 0, "slow_bodies_left": 0, "unanswered": 0, "kept_mib": 300}
TASKS = (
    "Give me the plural of the word.",
    "Write the word backwards.",
    "Add the two numbers.",
    "Say whether the review is good or bad.",
    "Write the date in ISO form.",
    "Which of the two animals is larger?",
    "Name the capital of the country.",
    "Write the first letter of every word.",
    "Turn the statement into a question.",
    "Write the number in words.",
)
WAYS = (
    "{}",
    "Please: {}",
    "{} Answer with one word.",
    "{} Say nothing else.",
    "{} Answer in lower case.",
)


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def connected(port: int, source: str) -> socket.socket:
    """A connection from one address of this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0))


def is_open(one: socket.socket) -> bool:
    """Whether the server has not closed it."""
    one.setblocking(False)
    try:
        while one.recv(65536):
            pass
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


def asked(url: str, key: str, source: str) -> float | None:
    """Seconds that an answer takes, on a new connection from `source`; None where there is none."""
    began = time.monotonic()
    body = {"model": "base", "messages": [{"role": "user", "content": ASKED}], "max_tokens": 4}
    try:
        with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=60) as client:
            found = client.post(f"{url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})
            found.raise_for_status()
    except httpx.HTTPError as err:
        print(f"not answered: {err!r}", flush=True)
        return None
    return time.monotonic() - began


def half_open(url: str, port: int, key: str) -> dict[str, Any]:
    """1,500 sockets that say nothing or half a head; who is answered meanwhile, and how many are left after 70 s."""
    with ExitStack() as kept:
        began, held, refused = time.monotonic(), [], 0
        for number in range(HALF_OPEN):
            try:
                one = kept.enter_context(connected(port, ADDRESSES[number % len(ADDRESSES)]))
                if number % 2:
                    one.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: ")
                held.append(one)
            except OSError:
                refused += 1
        opened = time.monotonic() - began
        open_at_once = sum(map(is_open, held))
        answers = [asked(url, key, source) for source in (ADDRESSES[0], OWN) * 3]
        time.sleep(max(0.0, began + 70 - time.monotonic()))
        left = sum(map(is_open, held))
    return {
        "opened_s": round(opened, 1),
        "turned_away": refused,
        "open_when_all_were_there": open_at_once,
        "half_open_left": left,
        "answered_s": [a and round(a, 2) for a in answers],
    }


def slow_bodies(url: str, port: int, key: str) -> dict[str, Any]:
    """300 bodies, a byte a second; how many are left after 60 s, and who is answered meanwhile."""
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with ExitStack() as kept:
        began, held = time.monotonic(), []
        for number in range(SLOW_BODIES):
            one = kept.enter_context(connected(port, ADDRESSES[number % len(ADDRESSES)]))
            mine = f"Authorization: Bearer {key}\r\n" if number % 2 else ""
            one.sendall(f"{head}{mine}Content-Length: 1000\r\n\r\n".encode())
            held.append(one)
        answers = []
        while time.monotonic() < began + 60:
            for one in held:
                try:
                    one.sendall(b" ")
                except OSError:
                    pass  # closed: counted below
            if len(answers) < 3:
                answers.append(asked(url, key, OWN))
            time.sleep(1)
        left = sum(map(is_open, held))
    return {"slow_bodies_left": left, "answered_s": [a and round(a, 2) for a in answers]}


def slow(options: Sequence[str]) -> dict[str, Any]:
    """Slow clients against a server with few descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    key = secrets.token_urlsafe(24)
    os.environ["GENLORA_API_KEYS"] = key
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))  # the server inherits it
    try:
        process, url = start_server(list(options))
    finally:
        del os.environ["GENLORA_API_KEYS"]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    port = urlsplit(url).port or 80
    try:
        found = {"half_open": half_open(url, port, key), "slow_bodies": slow_bodies(url, port, key)}
    finally:
        code = stop(process)
    answers = [a for part in found.values() for a in part["answered_s"]]
    left = {"half_open_left": found["half_open"]["half_open_left"]}
    left |= {"slow_bodies_left": found["slow_bodies"]["slow_bodies_left"], "unanswered": answers.count(None)}
    return {**found, **left, "exit": code}


def stop(process: subprocess.Popen[str]) -> int:
    """End the server; its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(120)


async def fill(url: str, pid: int, count: int) -> dict[str, Any]:
    """Make and ask adapters, one after the other."""
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        body: dict[str, Any] = {"messages": [{"role": "user", "content": ASKED}], "max_tokens": 2}
        for model in ("base", (await client.get("/v1/models")).json()["data"][-1]["id"]):
            (await client.post("/v1/chat/completions", json={"model": model, **body})).raise_for_status()
        start, curve, ids = memory_mib(pid), [], set()
        for number in range(count):
            task = WAYS[number // len(TASKS) % len(WAYS)].format(TASKS[number % len(TASKS)])
            wanted = {"description": f"{task} This is for list {number}."}
            made = await client.post("/v1/adapters", json=wanted)
            made.raise_for_status()
            ids.add(made.json()["id"])
            (await client.post("/v1/chat/completions", json={"model": made.json()["id"], **body})).raise_for_status()
            curve.append(round(memory_mib(pid) - start, 1))
            if number % 25 == 24:
                print(f"{number + 1} adapters: {curve[-1]} MiB above the start", flush=True)
        listed = (await client.get("/v1/adapters")).json()["data"]
    return {
        "start_mib": round(start),
        "made": len(ids),
        "still_kept": len(listed),
        "after": {str(n): curve[n - 1] for n in (1, 25, 50, 100, 256, count) if n <= count},
        "kept_mib": max(curve),
    }


def kept(options: Sequence[str], count: int) -> dict[str, Any]:
    """What adapters that are made and asked cost."""
    process, url = start_server(list(options))
    try:
        found = asyncio.run(fill(url, process.pid, count))
    finally:
        code = stop(process)
    return {**found, "exit": code}


def table_of(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    rows: list[tuple[str, object]] = []
    if "slow" in result:
        one, two = result["slow"]["half_open"], result["slow"]["slow_bodies"]
        rows += [
            (f"{HALF_OPEN:,} half-open sockets, opened in s", one["opened_s"]),
            ("open when all were there", one["open_when_all_were_there"]),
            ("open after 70 s", one["half_open_left"]),
            ("answers to a client with a key meanwhile, s", one["answered_s"]),
            (f"{SLOW_BODIES} slow bodies, open after 60 s", two["slow_bodies_left"]),
            ("answers meanwhile, s", two["answered_s"]),
        ]
    if "kept" in result:
        found = result["kept"]
        rows += [
            (
                "different adapters made, kept at the end",
                f"{found['made']}, {found['still_kept']}",
            ),
            ("memory before the first, MiB", found["start_mib"]),
            (f"above that after {', '.join(found['after'])}, MiB", ", ".join(map(str, found["after"].values()))),
            (f"at most (target: {TARGETS['kept_mib']})", found["kept_mib"]),
        ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("slow", "kept"))
    parser.add_argument("--count", type=int, default=500, help="adapters to make")
    parser.add_argument("--output", type=Path)
    parser.add_argument("options", nargs="*", help="for genlora serve, after --")
    args = parser.parse_args()
    result: dict[str, Any] = {}
    if args.only != "kept":
        result["slow"] = slow(args.options)
    if args.only != "slow":
        result["kept"] = kept(args.options, args.count)
    found = {k: v for part in result.values() for k, v in part.items() if k in TARGETS}
    met = {name: found[name] <= target for name, target in TARGETS.items() if name in found}
    result |= {"targets": TARGETS, "met": met, "machine": machine()}
    name = "serve_limits" if args.only is None else f"serve_limits_{args.only}"
    print(table_of(result))
    print(save_result(name, result, table_of(result), args.output))


if __name__ == "__main__":
    main()

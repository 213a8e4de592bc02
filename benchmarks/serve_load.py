"""Two hundred clients for minutes, each with a canary adapter, then SIGTERM: nothing hangs, nobody is mistaken.

    python benchmarks/serve_load.py [--minutes 5] [--clients 200] [--law canary|power] [-- SERVE OPTIONS]

A `genlora serve` of its own is started on the default base. Adapters are drawn by `cvae`, one seed each, so that they
differ. Before the load each answers every prompt with no other adapter in the batch. Under load every answer, its text
and the log-probability of each token, is compared with that: adapters that say the same are told apart by how sure they
are. An answer that is not the adapter's own but another's is a wrong-adapter answer; one that is nobody's is rounding
(two tokens of nearly equal probability swap when the batch is another) and is counted by itself.
`canary`: client i asks adapter i. `power`: each request draws its adapter, the k-th most popular with a weight of 1/k.
Half of the requests are streamed.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from common import RESULTS, machine, save_result

PROMPTS = (
    "apple pear fig kiwi",
    "What is 12 plus 30?",
    "Name the capital of France.",
    "The film was a waste of time.",
    "house",
    "run",
    "2014-03-02",
    "Is the sky green?",
)
HANG_S = 90.0
TARGETS = {"hangs": 0, "wrong_adapter": 0, "failed": 0, "cut_off": 0, "memory_growth": 0.10}


@dataclass(frozen=True)
class Said:
    """An answer: its text, and the log-probability of each token."""

    text: str
    logprobs: tuple[float, ...]

    def distance(self, other: "Said") -> float:
        """Largest difference of two log-probabilities; infinite where the texts differ."""
        if self.text != other.text or len(self.logprobs) != len(other.logprobs):
            return float("inf")
        return max((abs(a - b) for a, b in zip(self.logprobs, other.logprobs, strict=True)), default=0.0)


@dataclass
class Tally:
    """What happened."""

    total_s: list[tuple[float, float]] = field(default_factory=list)
    """When a request ended, in seconds since the start of the load, and how long it took."""
    first_s: list[float] = field(default_factory=list)
    """Streams only: until the first text."""
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(seconds, MiB of the server's resident memory)"""
    largest: float = 0.0
    """Largest difference of a log-probability in an answer that was taken as right."""
    stopping: bool = False


def start_server(extra: list[str]) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "genlora", "serve", "--port", "0", "--json", *extra]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        if not line:
            raise SystemExit("the server did not start")
        text += line
    return process, json.loads(text)["url"]


async def say(client: httpx.AsyncClient, model: str, prompt: str, tokens: int, *, stream: bool) -> tuple[Said, float]:
    """An answer, and when its first text came (0 for those not streamed). Raises `httpx.HTTPError`."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": tokens}
    body |= {"stream": stream, "logprobs": True}
    if not stream:
        found = await client.post("/v1/chat/completions", json=body)
        found.raise_for_status()
        choice = found.json()["choices"][0]
        return Said(choice["message"]["content"], logprobs_of(choice)), 0.0
    began, first, text, ended = time.monotonic(), 0.0, "", False
    logprobs: tuple[float, ...] = ()
    async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line == "data: [DONE]":
                ended = True
            elif line:
                chunk = json.loads(line[6:])
                if "error" in chunk:
                    raise httpx.ReadError(chunk["error"]["message"])
                choice = chunk["choices"][0]
                text += choice["delta"].get("content") or ""
                logprobs += logprobs_of(choice)
                if text and not first:
                    first = time.monotonic() - began
    if not ended:
        raise httpx.ReadError("the stream broke off")
    return Said(text, logprobs), first


def logprobs_of(choice: dict[str, Any]) -> tuple[float, ...]:
    told = choice.get("logprobs")
    return tuple(t["logprob"] for t in told["content"]) if told else ()


async def make_adapters(client: httpx.AsyncClient, count: int) -> list[str]:
    """Ids of `count` adapters, each of another seed."""
    ids = []
    for seed in range(count):
        body = {"description": f"Answer the question of kind {seed}.", "generator": "cvae", "seed": seed}
        found = await client.post("/v1/adapters", json=body)
        found.raise_for_status()
        ids.append(found.json()["id"])
    return ids


async def answers_alone(client: httpx.AsyncClient, ids: list[str], tokens: int) -> dict[tuple[str, str], Said]:
    """What each adapter says to each prompt while no other adapter is asked."""
    out = {}
    for model in ids:
        said = await asyncio.gather(*(say(client, model, p, tokens, stream=False) for p in PROMPTS))
        out |= {(model, p): answer for p, (answer, _) in zip(PROMPTS, said, strict=True)}
    return out


class Load:
    """The clients, what they expect, and what they got."""

    def __init__(self, url: str, ids: list[str], expected: dict[tuple[str, str], Said], options: Any) -> None:
        self.url, self.ids, self.expected, self.options = url, ids, expected, options
        self.tally = Tally()
        self.weights = [1 / (k + 1) for k in range(len(ids))]
        self.began = time.monotonic()

    async def client(self, number: int, client: httpx.AsyncClient) -> None:
        rng = random.Random(number)
        while not self.tally.stopping:
            canary = self.options.law == "canary"
            model = self.ids[number % len(self.ids)] if canary else rng.choices(self.ids, self.weights)[0]
            await self.ask(client, model, rng.choice(PROMPTS), stream=rng.random() < 0.5)

    async def ask(self, client: httpx.AsyncClient, model: str, prompt: str, *, stream: bool) -> None:
        tally, began = self.tally, time.monotonic()
        try:
            async with asyncio.timeout(HANG_S):
                said, first = await say(client, model, prompt, self.options.tokens, stream=stream)
        except TimeoutError:
            tally.counts["hangs"] += 1
            return
        except httpx.HTTPStatusError as err:
            self.refused(err.response)
            await asyncio.sleep(float(err.response.headers.get("retry-after", 1)) * 0.5)
            return
        except httpx.HTTPError as err:
            # A connection that was idle when the server went: the request never reached it.
            gone = tally.stopping and isinstance(err, httpx.ConnectError | httpx.RemoteProtocolError)
            tally.counts["after_the_end" if gone else "cut_off" if tally.stopping else "failed"] += 1
            tally.failures.append(f"{type(err).__name__}: {err}"[:200])
            return
        now = time.monotonic()
        tally.total_s.append((now - self.began, now - began))
        if first:
            tally.first_s.append(first)
        tally.counts["drained" if tally.stopping else "answers"] += 1
        self.judge(model, prompt, said)

    def refused(self, answer: httpx.Response) -> None:
        kind = {429: "refused_429", 503: "refused_503"}.get(answer.status_code, "failed")
        self.tally.counts[kind] += 1
        if kind == "failed":
            self.tally.failures.append(f"{answer.status_code} {answer.text[:150]}")

    def judge(self, model: str, prompt: str, said: Said) -> None:
        off = said.distance(self.expected[model, prompt])
        if off <= self.options.tolerance:
            self.tally.counts["right"] += 1
            self.tally.largest = max(self.tally.largest, off)
        elif any(said.distance(self.expected[other, prompt]) <= self.options.tolerance for other in self.ids):
            self.tally.counts["wrong_adapter"] += 1
            self.tally.failures.append(f"{model} to {prompt!r}: {said}, alone {self.expected[model, prompt]}")
        else:
            self.tally.counts["rounding"] += 1

    def told_apart(self) -> float:
        """Share of adapters and prompts where no other adapter's answer would pass for this one's."""
        apart = 0
        for prompt in PROMPTS:
            for model in self.ids:
                own = self.expected[model, prompt]
                apart += all(
                    own.distance(self.expected[other, prompt]) > 2 * self.options.tolerance
                    for other in self.ids
                    if other != model
                )
        return apart / (len(PROMPTS) * len(self.ids))

    async def watch(self, pid: int) -> None:
        while True:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            self.tally.memory.append((time.monotonic() - self.began, pages * os.sysconf("SC_PAGE_SIZE") / 2**20))
            await asyncio.sleep(1)

    async def run(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """The load, the signal, and how the server went."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self.options.clients)
        async with httpx.AsyncClient(base_url=self.url, timeout=HANG_S + 10, limits=limits) as client:
            watcher = asyncio.create_task(self.watch(process.pid))
            clients = [asyncio.create_task(self.client(i, client)) for i in range(self.options.clients)]
            await asyncio.sleep(60 * self.options.minutes)
            figures = (await client.get("/metrics")).text
            watcher.cancel()
            in_flight = self.options.clients
            self.tally.stopping, told = True, time.monotonic()
            process.send_signal(signal.SIGTERM)
            await asyncio.gather(*clients)
            code = await asyncio.to_thread(process.wait, 120)
        return {
            "exit_code": code,
            "drain_s": round(time.monotonic() - told, 2),
            "in_flight": in_flight,
            **told_by(figures),
        }


def told_by(figures: str) -> dict[str, float]:
    """A few of the server's own figures."""
    wanted = ("genlora_generated_tokens_total", "genlora_decode_steps_total", "genlora_adapter_loads_total")
    rows = (line.split() for line in figures.splitlines() if line.startswith(wanted))
    return {name.removeprefix("genlora_").removesuffix("_total"): float(value) for name, value in rows}


def percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {f"p{q}": round(ordered[min(len(ordered) - 1, len(ordered) * q // 100)], 3) for q in (50, 90, 99, 100)}


def memory_of(samples: list[tuple[float, float]]) -> dict[str, float]:
    """Resident MiB in the first and last fifth of the load, its first tenth (warming up) left out, and the growth."""
    kept = [m for t, m in samples if t >= samples[-1][0] * 0.1]
    part = max(1, len(kept) // 5)
    first, last = sum(kept[:part]) / part, sum(kept[-part:]) / part
    return {"first_mib": round(first, 1), "last_mib": round(last, 1), "growth": round(last / first - 1, 4)}


def plot(tally: Tally, path: Path) -> None:
    import matplotlib.pyplot as plt

    fig, (top, bottom) = plt.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained")
    top.plot(*zip(*tally.memory, strict=True), color="#0b6e99")
    top.set_ylim(0, max(m for _, m in tally.memory) * 1.15)
    top.set_ylabel("resident memory, MiB")
    bottom.scatter(*zip(*tally.total_s, strict=True), s=2, color="#b35c00", alpha=0.4, linewidths=0)
    bottom.set_ylim(0)
    bottom.set_ylabel("whole answer, s")
    bottom.set_xlabel("time, s")
    fig.savefig(path, dpi=130)
    plt.close(fig)


def table_of(result: dict[str, Any]) -> str:
    counts, total, first = result["counts"], result["total_s"], result["first_text_s"]
    memory, end = result["memory"], result["end"]
    rows = [
        ("clients, adapters, minutes", f"{result['clients']}, {result['adapters']}, {result['minutes']:g}"),
        ("answers (per second)", f"{counts.get('answers', 0):,} ({result['answers_per_s']:.1f})"),
        ("hangs", str(counts.get("hangs", 0))),
        ("wrong-adapter answers", str(counts.get("wrong_adapter", 0))),
        ("differ by rounding", str(counts.get("rounding", 0))),
        ("refused with 429", str(counts.get("refused_429", 0))),
        ("failed", str(counts.get("failed", 0))),
        ("prompts on which an adapter is told from all others", f"{result['told_apart']:.0%}"),
        ("largest difference of a log-probability, right answers", f"{result['largest_difference']:.2g}"),
        ("whole answer, s: p50, p90, p99", ", ".join(str(total.get(q)) for q in ("p50", "p90", "p99"))),
        ("first text of a stream, s: p50, p90, p99", ", ".join(str(first.get(q)) for q in ("p50", "p90", "p99"))),
        ("resident memory, MiB: first fifth, last fifth", f"{memory['first_mib']}, {memory['last_mib']}"),
        ("memory growth", f"{memory['growth']:.1%}"),
        ("after SIGTERM: ended whole, cut off", f"{counts.get('drained', 0)}, {counts.get('cut_off', 0)}"),
        ("exit code, seconds to drain", f"{end['exit_code']}, {end['drain_s']}"),
        ("targets met", "yes" if result["met"] else "NO"),
    ]
    title = f"# Serving under load: {result['law']}\n\n| | |\n|---|---|\n"
    return title + "".join(f"| {a} | {b} |\n" for a, b in rows)


async def measure(process: subprocess.Popen[str], url: str, options: Any) -> tuple[dict[str, Any], Tally]:
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        ids = await make_adapters(client, options.adapters)
        print(f"{len(ids)} adapters are made; asking each alone", file=sys.stderr)
        expected = await answers_alone(client, ids, options.tokens)
    load = Load(url, ids, expected, options)
    told_apart = load.told_apart()
    print(f"{options.clients} clients for {options.minutes:g} minutes", file=sys.stderr)
    end = await load.run(process)
    tally = load.tally
    counts = dict(tally.counts)
    memory = memory_of(tally.memory)
    found = {**{k: counts.get(k, 0) for k in TARGETS if k != "memory_growth"}, "memory_growth": memory["growth"]}
    result = {
        "machine": machine(),
        "clients": options.clients,
        "adapters": options.adapters,
        "minutes": options.minutes,
        "law": options.law,
        "tokens": options.tokens,
        "serve_options": options.serve,
        "counts": counts,
        "answers_per_s": round(counts.get("answers", 0) / (60 * options.minutes), 2),
        "tolerance": options.tolerance,
        "largest_difference": tally.largest,
        "told_apart": round(told_apart, 4),
        "total_s": percentiles([s for _, s in tally.total_s]),
        "first_text_s": percentiles(tally.first_s),
        "memory": memory,
        "end": end,
        "targets": TARGETS,
        "met": all(found[k] <= TARGETS[k] for k in TARGETS) and end["exit_code"] == 0 and counts.get("answers", 0) > 0,
        "failures": tally.failures[:50],
    }
    return result, tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--adapters", type=int, default=200)
    parser.add_argument("--law", choices=("canary", "power"), default="canary")
    parser.add_argument("--tokens", type=int, default=12, help="longest answer")
    parser.add_argument("--tolerance", type=float, default=0.0005, help="of a log-probability; 0.1 for bfloat16")
    parser.add_argument("-o", "--output", type=Path, default=None)
    parser.add_argument("serve", nargs="*", help="options of genlora serve, after --")
    options = parser.parse_args()
    process, url = start_server(options.serve)
    try:
        result, tally = asyncio.run(measure(process, url, options))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    name = f"serve_load_{options.law}"
    path = save_result(name, result, table_of(result), options.output)
    plot(tally, (options.output or RESULTS) / f"{name}.png")
    print(path.with_suffix(".md").read_text())
    sys.exit(0 if result["met"] else 1)


if __name__ == "__main__":
    main()

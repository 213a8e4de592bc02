"""The engine and llama.cpp (the `xllamacpp` wheel) on the same base file and adapter, in turns in one run.

    python benchmarks/llamacpp.py --rounds 3

Each answers one stream, then `--streams` at once, with 64 new tokens (stop tokens ignored), on the bare base and with
adapters: llama.cpp has one for all streams, for it cannot mix them in a batch; the engine has another one in each row.
Tokens a second over the whole answer, prompts (40 tokens) included. llama.cpp is a process of its own that is asked
through its own completion calls; the engine runs here. Both may use all threads of the machine.
"""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine, save_result

from genlora import GenLora
from genlora.base import gguf_file, load_base
from genlora.engine import Adapter, Engine, Sampling
from genlora.tasks import prompt_ids

NEW = 64
TEXT = "the quick brown fox jumps over the lazy dog while seven wizards drink tea"

LLAMA = """
import json, os, sys, time
from concurrent.futures import ThreadPoolExecutor
import xllamacpp
model, twin, prompt, new, streams = json.loads(sys.stdin.readline())
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.warmup, params.verbosity = model, 256 * streams, True, -1
params.n_parallel = streams
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = os.cpu_count()
if twin:
    lora = xllamacpp.CommonAdapterLoraInfo()
    lora.path, lora.scale = twin, 1.0
    params.lora_adapters = [lora]
server = xllamacpp.Server(params)
ask = {"prompt": prompt, "max_tokens": new, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
for line in sys.stdin:
    count = int(line)
    start = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        said = list(pool.map(lambda _: server.handle_completions(ask), range(count)))
    took = time.perf_counter() - start
    print("RESULT" + json.dumps([sum(s["usage"]["completion_tokens"] for s in said), took]), flush=True)
os._exit(0)  # the server's threads have nothing left to do
"""


class Llama:
    """llama.cpp in a process of its own, with one adapter or none."""

    def __init__(self, model: Path, twin: Path | None, prompt: list[int], streams: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LLAMA],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._say(json.dumps([str(model), str(twin or ""), prompt, NEW, streams]))

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def rate(self, streams: int) -> float:
        """Tokens a second of so many answers at once."""
        self._say(str(streams))
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("RESULT"):
                tokens, took = json.loads(line.removeprefix("RESULT"))
                return tokens / took
        raise SystemExit("llama.cpp gave no answer")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def ours(engine: Engine, prompt: list[int], adapters: list[Adapter | None]) -> float:
    start = time.perf_counter()
    streams = [engine.submit(prompt, Sampling(max_tokens=NEW), adapter=a) for a in adapters]
    said = sum(len(s.result().tokens) for s in streams)
    return said / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    loaded = load_base(None, lean=True)
    base = dataclasses.replace(loaded, eos_ids=())
    prompt = prompt_ids(base.tokenizer, TEXT)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, GenLora() as lora:
        names = lora.bank.names()[: args.streams]
        adapters = [Adapter(n, lora.bank.state(n)) for n in names]
        made = lora.generate(lora.bank.get(names[0]).descriptions[0], generator="aggregate", top_k=1)
        model, twin = gguf_file(), made.save(Path(folder) / "adapter", gguf=True) / "adapter.gguf"
        for kind in ("base", "adapters"):
            theirs = Llama(model, twin if kind == "adapters" else None, prompt, args.streams)
            with Engine(base, prefix_bytes=0) as engine:
                for number in range(args.rounds + 1):  # the first one warms both up
                    for streams in (1, args.streams):
                        rows = [a if kind == "adapters" else None for a in adapters[:streams]]
                        for who, rate in (
                            ("genlora", ours(engine, prompt, rows)),
                            ("llama.cpp", theirs.rate(streams)),
                        ):
                            if number:
                                found.setdefault(f"{kind}, {streams} {who}", []).append(rate)
                            print(f"{kind}, {streams} at once, {who}: {rate:.1f} tokens/s", file=sys.stderr, flush=True)
            theirs.close()
    table = "| | genlora | llama.cpp | ratio |\n|---|---|---|---|\n"
    told: dict[str, Any] = {}
    for kind in ("base", "adapters"):
        for streams in (1, args.streams):
            mine, other = (statistics.median(found[f"{kind}, {streams} {who}"]) for who in ("genlora", "llama.cpp"))
            told[f"{kind}, {streams}"] = {"genlora": mine, "llama.cpp": other}
            table += f"| {kind}, {streams} at once | {mine:.1f} | {other:.1f} | {mine / other:.2f} |\n"
    print(table)
    save_result(
        "llamacpp", {"machine": machine("cpu"), "rounds": args.rounds, "tokens_a_second": told}, table, args.output
    )


if __name__ == "__main__":
    main()

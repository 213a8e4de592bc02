"""Merging an adapter into every proven form: drift, agreement, size, load time and decode speed.

    python benchmarks/merge.py --adapter DIR [--device auto|cpu|cuda] [--quantize int8 --quantize nf4 ...]

Drift is the mean change of a logit that merging causes, as a share of the mean change the adapter causes; agreement is
the share of 1,000 positions with the same best token, against base and adapter side by side in the same form. "vs
float" compares with the float base and adapter. `nearest` rows are the same form with plain rounding.
"""

import argparse
import gc
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from common import machine, save_result

from genlora.adapter import AdapterState, attached, load_adapter
from genlora.base import (
    BACKENDS,
    LoadedBase,
    generate_greedy,
    gguf_file,
    layout_of,
    load_base,
    resolve_base,
)
from genlora.errors import GenloraError
from genlora.merge import compare, load_merged, merge, probe_set, run_probe
from genlora.tasks import prompt_ids

INPUTS = (
    "Sort these words: river, apple, stone",
    "What is the capital of France?",
    "Write one line about the sea.",
    "True or false: 9 is a prime number.",
    "Name three colours.",
    "Translate into Spanish: good evening",
    "What is 12 times 7?",
    "Say hello.",
)
TOKENS = 32
PLAIN = ("int8", "int4", "nf4", "gguf-q4_1")
"""Forms that are also measured with rounding to the nearest."""


def decode_speed(base: LoadedBase) -> tuple[float, float]:
    """Greedy tokens a second, one prompt at a time and eight together, after a first run that is not counted."""
    prompts = [prompt_ids(base.tokenizer, x) for x in INPUTS]
    generate_greedy(base, prompts[:1], max_new_tokens=2, stop_ids=[])
    speeds = []
    for batch in (prompts[:1], prompts):
        start = time.perf_counter()
        answers = generate_greedy(base, batch, max_new_tokens=TOKENS, stop_ids=[])
        if base.device.type == "cuda":
            torch.cuda.synchronize()
        speeds.append(sum(len(a.tokens) for a in answers) / (time.perf_counter() - start))
    return speeds[0], speeds[1]


class Float:
    """What the float base says, without and with the adapter."""

    def __init__(self, path: Path, state: AdapterState, device: str) -> None:
        start = time.perf_counter()
        base = load_base(str(path), device=device)
        self.load_s = time.perf_counter() - start
        self.probes = probe_set(base.tokenizer)
        self.plain = run_probe(base.model, self.probes)
        with attached(base.model, state, dtype=torch.float32):
            self.adapted = run_probe(base.model, self.probes)
        self.speed = decode_speed(base)

    def against(self, model: Any) -> dict[str, float]:
        drift = compare(self.plain, self.adapted, run_probe(model, self.probes))
        return {"share": drift.share, "agreement": drift.agreement}


def measure(name: str, calibrate: bool, path: Path, state: AdapterState, float_base: Float, device: str) -> dict:
    file = gguf_file() if name.startswith("gguf") else None
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "merged"
        start = time.perf_counter()
        report = merge(
            path,
            state,
            layout_of(path),
            quantize=name,
            out=out,
            device=device,
            calibrate=calibrate,
            max_drift=0.999,
            gguf=file,
        )
        took = time.perf_counter() - start
        size = sum(p.stat().st_size for p in out.iterdir() if p.suffix in (".safetensors", ".gguf"))
        start = time.perf_counter()
        loaded = load_merged(out, device)
        load_s = time.perf_counter() - start
        one, eight = decode_speed(loaded)
        row = {
            "form": name,
            "rounding": "calibrated" if report.calibrated else "nearest",
            "share": report.reloaded.share,
            "agreement": report.reloaded.agreement,
            "positions": report.reloaded.positions,
            "effect": report.reloaded.effect,
            "vs_float": float_base.against(loaded.model),
            "size_mib": size / 2**20,
            "merge_s": took,
            "steps_s": report.seconds,
            "load_s": load_s,
            "tokens_per_s": {"one": one, "eight": eight},
        }
    del loaded
    gc.collect()
    return row


def table(rows: list[dict], float_base: Float) -> str:
    head = (
        "| form | rounding | drift / effect | best token equal | vs float: drift, best token | size | merge | load | "
        "tokens/s, one and eight prompts |\n|---|---|---|---|---|---|---|---|---|\n"
    )
    one, eight = float_base.speed
    head += f"| float base | | | | | | | {float_base.load_s:.1f} s | {one:.0f}, {eight:.0f} |\n"
    return head + "".join(
        f"| {r['form']} | {r['rounding']} | {r['share']:.2%} | {r['agreement']:.1%} | {r['vs_float']['share']:.1%}, "
        f"{r['vs_float']['agreement']:.1%} | {r['size_mib']:.0f} MiB | {r['merge_s']:.0f} s | {r['load_s']:.1f} s | "
        f"{r['tokens_per_s']['one']:.0f}, {r['tokens_per_s']['eight']:.0f} |\n"
        for r in rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", type=Path, required=True, help="an adapter folder, made for the base")
    parser.add_argument("--base", default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quantize", action="append", choices=list(BACKENDS))
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    device = args.device if args.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    path = resolve_base(args.base)
    state = load_adapter(args.adapter, layout_of(path))
    float_base = Float(path, state, device)
    rows: list[dict] = []
    refused: dict[str, str] = {}
    for name in args.quantize or BACKENDS:
        for calibrate in (True, False) if name in PLAIN else (True,):
            try:
                rows.append(measure(name, calibrate, path, state, float_base, device))
                print(table(rows[-1:], float_base).splitlines()[-1], flush=True)
            except GenloraError as err:
                refused[f"{name}, {'calibrated' if calibrate else 'nearest'}"] = str(err)
                print(f"{name}: {err}", flush=True)
    result = {
        "machine": machine(device),
        "device": device,
        "adapter": args.adapter.name,
        "rows": rows,
        "failed": refused,
    }
    shown = table(rows, float_base) + "".join(f"\n{k}: {v}\n" for k, v in refused.items())
    print(shown)
    print(save_result("merge" if device == "cpu" else "merge-gpu", result, shown, args.output))


if __name__ == "__main__":
    main()

"""The engine against PEFT's mixed batch, against the base alone, with many adapters, and its first tokens.

    python benchmarks/engine.py
    python benchmarks/engine.py --only tokens --dtype float32
    python benchmarks/engine.py --only packed
    python benchmarks/engine.py --device cuda

`throughput`: rows of equal prompts, one adapter each; 64 tokens each, stop tokens off. Prefill is the time to the first
token of all rows, decoding what 64 tokens take longer. PEFT runs the same model, adapters and prompts through
`generate(adapter_names=...)`. `fleet`: requests whose adapters follow a power law (share of rank k ~ 1 / k), 32 slots.
`first`: a description that was never seen, from the sentence to its first token, against the base's first token on the
same prompt, one at a time. `tokens`: 200 prompts of tasks that an expert was trained on, the engine's greedy answers in
mixed batches against PEFT's, one adapter and one prompt at a time.
"""

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from common import machine, save_result

from genlora import GenLora
from genlora.adapter import AdapterState, LoraPair
from genlora.api import attach
from genlora.base import LoadedBase, load_base
from genlora.engine import Adapter, Completion, Engine, Sampling
from genlora.tasks import catalogue, catalogue_task, prompt_ids, sample, score

NEW = 64
TEXT = "the quick brown fox jumps over the lazy dog while seven wizards drink tea"


def experts(lora: GenLora, count: int) -> list[Adapter]:
    """`count` adapters: the bank's experts, then experts with noise of a tenth of each factor's length."""
    names = lora.bank.names()
    out = []
    for i in range(count):
        state, name = lora.bank.state(names[i % len(names)]), names[i % len(names)]
        if i >= len(names):
            g = torch.Generator().manual_seed(i)
            noisy = {
                k: LoraPair(p.a, p.b.float() + 0.1 * p.b.float().std() * torch.randn(p.b.shape, generator=g), p.scale)
                for k, p in state.items()
            }
            state, name = AdapterState(noisy), f"{name}+{i}"
        out.append(Adapter(name, state))
    return out


def ask(engine: Engine, prompts: list[list[int]], adapters: list[Adapter | None], tokens: int) -> list[Completion]:
    settings = Sampling(max_tokens=tokens)
    streams = [engine.submit(p, settings, adapter=a) for p, a in zip(prompts, adapters, strict=True)]
    return [s.result() for s in streams]


def medians(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each, in turns, so that a slow minute hits all alike; the first turn does not count."""
    took: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if turn:
                took[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in took.items()}


def throughput(base: LoadedBase, lora: GenLora, repeats: int) -> dict[str, Any]:
    prompt = prompt_ids(base.tokenizer, TEXT)
    endless = dataclasses.replace(base, eos_ids=(-1,))
    theirs = load_base(device=str(base.device), dtype=next(base.model.parameters()).dtype)
    out: dict[str, Any] = {"prompt_tokens": len(prompt), "new_tokens": NEW}
    adapters = experts(lora, 32)
    model = attach(adapters[0].state, theirs)
    add_to_peft(model, adapters)
    for rows in (16, 32):
        ids = torch.tensor([prompt] * rows, device=base.device)
        names = ["default", *[f"a{i}" for i in range(1, rows)]]

        def generate(tokens: int, ids: Any = ids, names: list[str] = names) -> None:
            model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                adapter_names=names,
                do_sample=False,
                max_new_tokens=tokens,
                min_new_tokens=tokens,
                pad_token_id=0,
            )

        with Engine(endless, slots=32, max_batch=rows) as engine:
            runs: dict[str, Callable[[], Any]] = {}
            for tokens in (1, NEW):
                for kind, use in (("base", [None] * rows), ("adapters", adapters[:rows])):
                    runs[f"{kind} {tokens}"] = partial(ask, engine, [prompt] * rows, use, tokens)
                runs[f"peft {tokens}"] = partial(generate, tokens)
            took = medians(runs, repeats)
        found: dict[str, Any] = {
            kind: rates(rows, len(prompt), took[f"{kind} 1"], took[f"{kind} {NEW}"])
            for kind in ("base", "adapters", "peft")
        }
        found["decode_vs_peft"] = found["adapters"]["decode_tokens_s"] / found["peft"]["decode_tokens_s"]
        found["prefill_vs_peft"] = found["adapters"]["prefill_tokens_s"] / found["peft"]["prefill_tokens_s"]
        found["decode_overhead"] = found["base"]["decode_tokens_s"] / found["adapters"]["decode_tokens_s"]
        out[f"{rows} adapters"] = found
        print(rows, found, flush=True)
    return out


def rates(rows: int, prompt: int, first: float, whole: float) -> dict[str, float]:
    return {
        "prefill_tokens_s": rows * prompt / first,
        "decode_tokens_s": rows * (NEW - 1) / (whole - first),
        "step_ms": 1e3 * (whole - first) / (NEW - 1),
    }


def add_to_peft(model: Any, adapters: list[Adapter]) -> None:
    from peft import set_peft_model_state_dict

    for i, adapter in enumerate(adapters[1:], 1):
        model.add_adapter(f"a{i}", model.peft_config["default"])
        keys = {}
        for path, pair in adapter.state.folded().items():
            keys[f"base_model.model.{path}.lora_A.weight"] = pair.a
            keys[f"base_model.model.{path}.lora_B.weight"] = pair.b
        set_peft_model_state_dict(model, keys, adapter_name=f"a{i}")
    model.eval()


def fleet(base: LoadedBase, lora: GenLora, requests: int) -> dict[str, Any]:
    endless = dataclasses.replace(base, eos_ids=(-1,))
    prompt = prompt_ids(base.tokenizer, TEXT)
    out: dict[str, Any] = {}
    adapters = experts(lora, 200)
    for count in (8, 32, 64, 200):
        shares = 1 / np.arange(1, count + 1)
        drawn = np.random.default_rng(0).choice(count, requests, p=shares / shares.sum())
        with Engine(endless, slots=32, max_batch=32, max_waiting=requests) as engine:
            ask(engine, [prompt] * 32, [adapters[i] for i in range(min(count, 32))] * (32 // min(count, 32)), 4)
            before = engine.stats()
            start = time.perf_counter()
            ask(engine, [prompt] * requests, [adapters[i] for i in drawn], 32)
            took = time.perf_counter() - start
            stats = engine.stats()
        out[str(count)] = {
            "tokens_s": requests * 32 / took,
            "loads": stats.loads - before.loads,
            "evictions": stats.evictions - before.evictions,
        }
        print(count, out[str(count)], flush=True)
    out["falls_by"] = 1 - out["200"]["tokens_s"] / out["8"]["tokens_s"]
    return out


def first_token(base: LoadedBase, lora: GenLora) -> dict[str, Any]:
    told = [e.descriptions[0] for e in catalogue().values() if e.role == "validation"][:21]
    prompt = prompt_ids(base.tokenizer, TEXT)
    adapted, bare, made = [], [], []
    with Engine(base) as engine:
        ask(engine, [prompt], [None], 1)
        for i, description in enumerate(told):
            start = time.perf_counter()
            ask(engine, [prompt], [None], 1)
            bare.append(time.perf_counter() - start)
            start = time.perf_counter()
            generated = lora.generate(description, allow_harmful="catalogue tasks; only time is measured")
            made.append(time.perf_counter() - start)
            ask(engine, [prompt], [Adapter(f"new-{i}", generated.state)], 1)
            adapted.append(time.perf_counter() - start)
    p50 = [1e3 * statistics.median(x[1:]) for x in (adapted, bare, made)]
    out = {"described_ms": p50[0], "base_ms": p50[1], "generate_ms": p50[2], "above_base_ms": p50[0] - p50[1]}
    print(out, flush=True)
    return out


def tokens(base: LoadedBase, lora: GenLora, count: int) -> dict[str, Any]:
    from peft import PeftModel

    names = [n for n in lora.bank.names() if n in catalogue() and catalogue()[n].source.startswith("rule:")]
    cases: list[tuple[str, list[int]]] = []
    for name in names:
        examples = sample(catalogue_task(name).split("test"), 10, seed=0)
        cases += [(name, prompt_ids(base.tokenizer, e.input)) for e in examples]
    cases = [cases[i] for i in np.random.default_rng(0).permutation(len(cases))[:count]]
    states = {name: Adapter(name, lora.bank.state(name)) for name in names}
    with Engine(base, slots=16, max_batch=16) as engine:
        ours = ask(engine, [p for _, p in cases], [states[n] for n, _ in cases], 32)
    theirs: list[list[int]] = []
    by_name: dict[str, list[int]] = {}
    for i, (name, _) in enumerate(cases):
        by_name.setdefault(name, []).append(i)
    answers: dict[int, list[int]] = {}
    for name, where in by_name.items():
        model: PeftModel = attach(states[name].state, base)
        for i in where:
            ids = torch.tensor([cases[i][1]], device=base.device)
            said = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=32,
                pad_token_id=0,
                eos_token_id=list(base.eos_ids),
            )
            new = said[0, ids.shape[1] :].tolist()
            answers[i] = new[: next((j for j, t in enumerate(new) if t in base.eos_ids), len(new))]
        model.unload()  # pyright: ignore[reportCallIssue]
    theirs = [answers[i] for i in range(len(cases))]
    got = [[t.id for t in c.tokens] for c in ours]
    total = sum(max(len(a), len(b)) for a, b in zip(got, theirs, strict=True))
    same = sum(sum(x == y for x, y in zip(a, b, strict=False)) for a, b in zip(got, theirs, strict=True))
    out = {
        "prompts": len(cases),
        "identical_answers": sum(a == b for a, b in zip(got, theirs, strict=True)),
        "tokens": total,
        "identical_tokens": same,
    }
    print(out, flush=True)
    return out


def packed(lora: GenLora, count: int, numbers: list[int]) -> dict[str, Any]:
    """What packed products bring, and what they cost: the same float32 base in transformers' model, lean, and packed.
    Answers come in batches of at most the rows that packed products are used for.
    """
    ways = {"transformers": (False, "plain"), "lean": (True, "plain"), "lean, packed": (True, "auto")}
    bases = {lean: load_base(dtype=torch.float32, lean=lean) for lean in (False, True)}
    prompt = prompt_ids(bases[True].tokenizer, TEXT)
    adapters = experts(lora, 16)
    speed: dict[str, dict[str, float]] = {}
    for rows in numbers:
        for with_adapters in (False, True):
            some = [adapters[i] if with_adapters else None for i in range(rows)]
            key = f"{rows} rows, {'an adapter each' if with_adapters else 'base'}"
            for _ in range(2):  # in turns; the better of two, for others use the machine
                for name, (lean, products) in ways.items():
                    with Engine(dataclasses.replace(bases[lean], eos_ids=(-1,)), products=products) as engine:
                        ask(engine, [prompt] * rows, some, 2)
                        start = time.perf_counter()
                        ask(engine, [prompt] * rows, some, 1)
                        first = time.perf_counter() - start
                        ask(engine, [prompt] * rows, some, NEW)
                        took = time.perf_counter() - start - 2 * first
                    found = speed.setdefault(key, {})
                    found[name] = max(found.get(name, 0.0), rows * (NEW - 1) / took)
            print(key, speed[key], flush=True)
    base = bases[True]
    names = [n for n in lora.bank.names() if n in catalogue() and catalogue()[n].source.startswith("rule:")][:20]
    each = max(1, count // len(names))
    asked = [(n, e) for n in names for e in sample(catalogue_task(n).split("test"), each, seed=0)]
    prompts = [prompt_ids(base.tokenizer, e.input) for _, e in asked]
    states = {name: Adapter(name, lora.bank.state(name)) for name in names}
    answers: dict[str, list[Completion]] = {}
    most = 0
    for products in ("plain", "auto"):
        with Engine(base, slots=20, max_batch=2, products=products) as engine:
            answers[products] = ask(engine, prompts, [states[n] for n, _ in asked], 32)
            most = engine.packed_tokens
    plain, packed = ([[t.id for t in c.tokens] for c in answers[k]] for k in ("plain", "auto"))
    right = {
        k: [score(catalogue()[n].metric, c.text, e, strict=True) for (n, e), c in zip(asked, found, strict=True)]
        for k, found in answers.items()
    }
    same = sum(sum(x == y for x, y in zip(a, b, strict=False)) for a, b in zip(plain, packed, strict=True))
    return {
        "tokens_a_second": speed,
        "packed_up_to_tokens": most,
        "prompts": len(asked),
        "identical_answers": sum(a == b for a, b in zip(plain, packed, strict=True)),
        "tokens": sum(max(len(a), len(b)) for a, b in zip(plain, packed, strict=True)),
        "identical_tokens": same,
        "accuracy_plain": statistics.mean(right["plain"]),
        "accuracy_packed": statistics.mean(right["auto"]),
    }


def table(found: dict[str, Any]) -> str:
    """Every figure as a line."""

    def lines(part: dict[str, Any], path: str) -> list[str]:
        out = []
        for key, value in part.items():
            if isinstance(value, dict):
                out += lines(value, f"{path} {key}".strip())
            else:
                out.append(
                    f"| {path} {key} | {value:.4g} |" if isinstance(value, float) else f"| {path} {key} | {value} |"
                )
        return out

    body = lines({k: v for k, v in found.items() if k not in ("machine", "dtype")}, "")
    return "\n".join([f"Engine, {found['dtype']}.", "", "| what | measured |", "|---|---|", *body, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["throughput", "fleet", "first", "tokens", "packed"])
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--rows", type=int, nargs="*", default=[1, 4, 16], help="of `packed`")
    args = parser.parse_args()
    if args.only == "packed":
        args.dtype = "float32"
    base = load_base(device=args.device, dtype=getattr(torch, args.dtype))
    lora = GenLora()
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "throughput": lambda: throughput(base, lora, args.repeats),
        "fleet": lambda: fleet(base, lora, args.requests),
        "first": lambda: first_token(base, lora),
        "tokens": lambda: tokens(base, lora, args.prompts),
        "packed": lambda: packed(lora, args.prompts, args.rows),
    }
    chosen = [args.only] if args.only else [name for name in parts if name != "packed"]
    found = {"machine": machine(args.device), "dtype": args.dtype} | {name: parts[name]() for name in chosen}
    save_result(f"engine-{args.only or 'all'}-{args.dtype}-{args.device}", found, table(found))


if __name__ == "__main__":
    main()

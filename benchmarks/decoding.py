"""How fast an evaluation asks: prompts per second of stock `generate` and of our greedy decoding.

    python benchmarks/decoding.py [--tasks r-swap-pair,r-percent] [--expert NAME]

Each way answers the same 60 held-out inputs of a task with one expert attached, bare and described, in the machine's
fastest number format; the first call of each warms up. `same` counts answers of equal tokens: in bfloat16 two tokens of
nearly equal probability may swap with the shape of a batch (in float32 a test holds them equal).
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from common import machine, save_result

from genlora.adapter import attached
from genlora.api import best_dtype, default_bank
from genlora.bank import Bank
from genlora.base import generate_greedy, load_base
from genlora.evaluate import held_out
from genlora.tasks import find_task, prompt_ids


def stock(base: Any, prompts: list[list[int]], max_new_tokens: int) -> list[tuple[int, ...]]:
    """`transformers` generate, one left-padded batch, greedy."""
    padded = base.tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(base.device)
    ends = {"eos_token_id": list(base.eos_ids), "pad_token_id": base.tokenizer.pad_token_id}
    out = base.model.generate(**padded, max_new_tokens=max_new_tokens, do_sample=False, **ends)
    rows = out[:, padded["input_ids"].shape[1] :].tolist()
    return [tuple(row[: next((i for i, t in enumerate(row) if t in base.eos_ids), len(row))]) for row in rows]


WAYS = {
    "transformers generate": stock,
    "genlora": lambda b, p, n: [c.tokens for c in generate_greedy(b, p, max_new_tokens=n)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="r-swap-pair,r-percent,r-next-day")
    parser.add_argument("--expert", default=None, help="expert to attach; the bank's first by default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--attention", default="eager")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    base = load_base(None, device=args.device, dtype=best_dtype(args.device), attn_implementation=args.attention)
    with Bank.open(default_bank(), readonly=True) as bank:
        state = bank.state(args.expert or bank.names()[0])
    rows: list[dict[str, Any]] = []
    for name in args.tasks.split(","):
        task = find_task(name)
        examples = held_out(task, 60)
        longest = max(len(base.tokenizer(e.output).input_ids) for e in examples)
        for mode, told in (("bare", None), ("described", task.descriptions[0])):
            prompts = [prompt_ids(base.tokenizer, e.input, told) for e in examples]
            row: dict[str, Any] = {"task": name, "prompt": mode, "prompts": len(prompts)}
            row["tokens"] = sum(map(len, prompts))
            found = {}
            for way, ask in WAYS.items():
                with attached(base.model, state), torch.inference_mode():
                    ask(base, prompts[:4], 2)
                    began = time.perf_counter()
                    found[way] = ask(base, prompts, longest + longest // 2 + 4)
                    row[way] = round(len(prompts) / (time.perf_counter() - began), 1)
            row["same"] = sum(a == b for a, b in zip(*found.values(), strict=True))
            rows.append(row)
            print(row, flush=True)
    head = ("task", "prompt", "prompts", "tokens", *WAYS, "same")
    table = "| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n"
    table += "".join("| " + " | ".join(str(r[h]) for h in head) + " |\n" for r in rows)
    print(save_result("decoding", {"machine": machine(args.device), "rows": rows}, table, args.output))


if __name__ == "__main__":
    main()

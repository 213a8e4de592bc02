"""Expert training: genlora's stacked packs against PEFT one by one, stock and with our collator.

    python benchmarks/expert_training.py --experts 8 --steps 12

Equal data (the same rows in the same steps), equal steps, equal optimiser; the final loss of every way is printed.
Ways are timed in turns (A B C A B C) so that a drifting machine does not favour one; medians decide.
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from common import machine, save_result
from torch import nn

from genlora.base import LoadedBase, load_base
from genlora.tasks import Example, catalogue_tasks, prompt_ids
from genlora.train import Row, Stack, common_start, encode_rows, label_losses, means_by, pack

LR = 4e-3
RANK = 8
SCALE = 2.0


@dataclass
class Work:
    """The rows of one expert's steps: encoded for packs, and plain for stock code."""

    prefix: tuple[int, ...]
    steps: list[list[Row]]
    plain: list[list[tuple[list[int], list[int]]]]


def work_of(base: LoadedBase, examples: list[Example], rows: int, steps: int) -> Work:
    encoded = encode_rows(base.tokenizer, examples[: rows * steps], max_tokens=10_000)
    plain = []
    for e in examples[: rows * steps]:
        answer = [*base.tokenizer(e.output, add_special_tokens=False).input_ids, base.tokenizer.eos_token_id]
        plain.append((prompt_ids(base.tokenizer, e.input), answer))
    cut = [slice(i * rows, (i + 1) * rows) for i in range(steps)]
    return Work(encoded.prefix, [list(encoded.rows[c]) for c in cut], [plain[c] for c in cut])


def peft_model(base: LoadedBase, start: dict[str, torch.Tensor], attention: str) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    base.model.set_attn_implementation(attention)
    config = LoraConfig(r=RANK, lora_alpha=int(SCALE * RANK), target_modules=["q_proj", "v_proj"])
    model = get_peft_model(base.model, config)
    for name, p in model.named_parameters():
        if "lora_A" in name:
            p.data.copy_(start[name.removeprefix("base_model.model.").split(".lora_A")[0]])
    return model


def adamw(model: nn.Module) -> torch.optim.AdamW:
    params = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(params, lr=LR, betas=(0.9, 0.99), weight_decay=0.0)


def stock(base: LoadedBase, start: dict[str, torch.Tensor], works: list[Work]) -> list[float]:
    """What people write: PEFT, right-padded rows, labels of -100, the model's own loss, one expert after another."""
    pad, device, finals = base.tokenizer.pad_token_id or 0, next(base.model.parameters()).device, []
    for work in works:
        model = peft_model(base, start, "sdpa")
        optimiser, loss = adamw(model), torch.zeros(())
        for rows in work.plain:
            width = max(len(p) + len(a) for p, a in rows)
            ids = torch.full((len(rows), width), pad)
            labels = torch.full((len(rows), width), -100)
            mask = torch.zeros((len(rows), width), dtype=torch.long)
            for i, (p, a) in enumerate(rows):
                ids[i, : len(p) + len(a)] = torch.tensor(p + a)
                labels[i, len(p) : len(p) + len(a)] = torch.tensor(a)
                mask[i, : len(p) + len(a)] = 1
            optimiser.zero_grad()
            loss = model(input_ids=ids.to(device), attention_mask=mask.to(device), labels=labels.to(device)).loss
            loss.backward()
            optimiser.step()
        finals.append(float(loss))
        model.unload()
    return finals


def peft_ours(base: LoadedBase, start: dict[str, torch.Tensor], works: list[Work]) -> list[float]:
    """PEFT one by one with our packs, label-only logits and eager attention: what is left is the stacking."""
    finals = []
    dtype, device = next((p.dtype, p.device) for p in base.model.parameters())
    for work in works:
        model = peft_model(base, start, "eager")
        optimiser, loss = adamw(model), torch.zeros(())
        for rows in work.steps:
            batch = pack([(work.prefix, rows)], pad=0, dtype=dtype, device=device)
            optimiser.zero_grad()
            loss = label_losses(base.model, batch).loss.mean()
            loss.backward()
            optimiser.step()
        finals.append(float(loss))
        model.unload()
    return finals


def stacked(base: LoadedBase, start: dict[str, torch.Tensor], works: list[Work]) -> list[float]:
    """genlora: all experts in one batch."""
    base.model.set_attn_implementation("eager")
    dtype, device = next((p.dtype, p.device) for p in base.model.parameters())
    stack = Stack(start, {p: base.layout.by_path[p].d_out for p in start}, len(works), scale=SCALE)
    mean = torch.zeros(len(works))
    with stack.attached(base.model):
        for step in range(len(works[0].steps)):
            batch = pack([(w.prefix, w.steps[step]) for w in works], pad=0, dtype=dtype, device=device)
            mean = means_by(batch.owner, label_losses(base.model, batch).loss, len(works))
            mean.sum().backward()
            stack.step(torch.full((len(works),), LR), clip=1e9, weight_decay=0.0)
    return mean.tolist()


WAYS = {"stock PEFT": stock, "PEFT, our collator, logits, attention": peft_ours, "genlora, stacked": stacked}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    device = "cuda" if args.device == "cuda" else "cpu"
    base = load_base(args.base, device=device, dtype=getattr(torch, args.dtype), attn_implementation="eager")
    base.model.requires_grad_(False)
    tasks = [t for t in catalogue_tasks("bank") if t.source.startswith("rule:")]
    tasks = [t for t in tasks if len(t.split("train")) >= args.rows * args.steps][: args.experts]
    works = [work_of(base, list(t.split("train")), args.rows, args.steps) for t in tasks]
    start = common_start(base.layout, ("q_proj", "v_proj"), RANK, seed=0)
    start = {k: v.to(device) if device == "cuda" else v for k, v in start.items()}
    seconds: dict[str, list[float]] = {w: [] for w in WAYS}
    losses: dict[str, list[float]] = {}
    for turn in range(args.repeats + 1):
        for name, way in WAYS.items():
            began = time.perf_counter()
            losses[name] = way(base, start, works)
            if device == "cuda":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                seconds[name].append(time.perf_counter() - began)
    ours = statistics.median(seconds["genlora, stacked"])
    rows = {
        name: {
            "seconds": round(statistics.median(s), 2),
            "all_seconds": [round(x, 2) for x in s],
            "rows_per_s": round(len(works) * args.rows * args.steps / statistics.median(s), 1),
            "final_loss": round(statistics.mean(losses[name]), 3),
            "genlora_is_faster_by": round(statistics.median(s) / ours, 2),
        }
        for name, s in seconds.items()
    }
    setting = {k: getattr(args, k) for k in ("experts", "rows", "steps", "dtype", "device", "repeats")}
    return {"machine": machine(device), "setting": setting, "tasks": [t.name for t in tasks], "ways": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--experts", type=int, default=8)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    result = measure(args)
    head = "| way | seconds | rows/s | mean final loss | genlora is faster by |\n|---|---|---|---|---|\n"
    table = head + "".join(
        f"| {n} | {r['seconds']} | {r['rows_per_s']} | {r['final_loss']} | {r['genlora_is_faster_by']}x |\n"
        for n, r in result["ways"].items()
    )
    print(table)
    print(json.dumps(result["setting"]), save_result("expert_training", result, table, args.output))


if __name__ == "__main__":
    main()

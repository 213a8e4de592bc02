"""What each way to apply adapters costs a layer, by rows, tokens and different adapters; `SlotPool.plan` chooses by it.

    python benchmarks/engine_forms.py

Thirty layers of the default base's shapes one after the other (so that factors come from memory, not from a cache), q
and v adapted at rank 8, bfloat16. Microseconds a layer: what the group's products and both additions take. `chosen` is
what the engine's cost formula picks, `lost` what that costs over the best.
"""

import argparse
import itertools
import time
from typing import Any

import torch
from common import machine, save_result
from torch import nn

from genlora.adapter import AdapterState, BaseLayout, LoraPair, ModuleSpec
from genlora.engine import Adapter
from genlora.engine._forms import Form, Plan, by_runs, gathered, kept, mask_of, masked, run_with
from genlora.engine._slots import SlotPool

LAYERS, WIDTH, KV, RANK = 30, 576, 192, 8


class Layer(nn.Module):
    """What of a layer is adapted."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.q_proj, self.v_proj = (nn.Linear(WIDTH, n, bias=False, dtype=dtype) for n in (WIDTH, KV))


class Model(nn.Module):
    """The layers, without all that lies between them."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(dtype) for _ in range(LAYERS))


def filled(dtype: torch.dtype, device: str, adapters: int, rows: int) -> tuple[Model, SlotPool]:
    model = Model(dtype).to(device)
    specs = [
        ModuleSpec(f"layers.{i}.{leaf}", WIDTH, n)
        for i in range(LAYERS)
        for leaf, n in (("q_proj", WIDTH), ("v_proj", KV))
    ]
    pool = SlotPool(
        model,
        BaseLayout("shapes", "llama", "0" * 12, LAYERS, 9, 3, 64, tuple(specs)),
        slots=adapters,
        max_rank=RANK,
        rows=rows,
    )
    for seed in range(adapters):
        g = torch.Generator().manual_seed(seed)
        pairs = {
            s.path: LoraPair(torch.randn(RANK, s.d_in, generator=g), torch.randn(s.d_out, RANK, generator=g))
            for s in specs
        }
        pool.lease(Adapter(str(seed), AdapterState(pairs)))
    return model, pool


def microseconds(model: Model, plan: Plan | None, x: torch.Tensor, repeats: int) -> float:
    """A layer's time with this plan, the base's own products included."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run_with(plan)
        for layer in model.layers:
            layer.q_proj(x), layer.v_proj(x)  # pyright: ignore[reportCallIssue]
        run_with(None)
        if x.is_cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / LAYERS


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    dtype = torch.bfloat16
    lines = [
        "| rows | tokens | adapters | masked | kept | gathered | by runs | chosen | lost |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    found: list[dict[str, Any]] = []
    model, pool = filled(dtype, args.device, 32, 32)
    for rows, tokens in itertools.product((4, 16, 32), (1, 8, 40)):
        for adapters in sorted({1, 4, rows}):
            slots = sorted(1 + i % adapters for i in range(rows))
            where = torch.tensor(slots, device=args.device)
            x = torch.randn(rows, tokens, WIDTH, dtype=dtype, device=args.device)
            chosen = pool.plan(slots, tokens)
            assert chosen is not None
            pool._keep(slots)
            forms: tuple[Form, ...] = (masked, kept) if tokens == 1 else (masked, gathered, by_runs)
            bare = microseconds(model, None, x, args.repeats)
            cost = {}
            for form in forms:
                plan = Plan(form, where, max(slots) + 1, mask_of(where, max(slots) + 1, dtype), chosen.runs)
                cost[form.__name__] = microseconds(model, plan, x, args.repeats) - bare
            lost = cost[chosen.form.__name__] - min(cost.values())
            found.append(
                {
                    "rows": rows,
                    "tokens": tokens,
                    "adapters": adapters,
                    "chosen": chosen.form.__name__,
                    "lost": lost,
                    **cost,
                }
            )
            cells = [f"{cost[f]:.0f}" if f in cost else "" for f in ("masked", "kept", "gathered", "by_runs")]
            lines.append(
                f"| {rows} | {tokens} | {adapters} | {' | '.join(cells)} | {chosen.form.__name__} | {lost:.0f} |"
            )
            print(lines[-1], flush=True)
    result = {"machine": machine(args.device), "cases": found}
    save_result(f"engine-forms-{args.device}", result, "Microseconds a layer.\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

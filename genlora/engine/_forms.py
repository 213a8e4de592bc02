"""Ways to apply the stacked factors of many adapters in one pass; which is cheapest depends on rows and tokens.

Modules that read the same input (q, k and v; gate and up) form a group. A group keeps `A` of all slots in one tensor
(slot, module, rank, d_in), so one product serves all its modules. Slot 0 stays zero: no adapter.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

_current = threading.local()
"""The plan of the pass that this thread runs; other threads that use the model see no adapters."""


@dataclass(eq=False)
class Group:
    """Modules with one input, and the factors of every slot for them."""

    paths: tuple[str, ...]
    a: Float[Tensor, "slots modules rank d_in"]
    b: list[Float[Tensor, "slots rank _d_out"]]
    """Of each module: B transposed."""
    row_a: Float[Tensor, "rows modules*rank d_in"]
    """Float32: the factors of the rows that decode."""
    row_b: list[Float[Tensor, "rows rank _d_out"]]
    """Of each module, float32."""


@dataclass(eq=False)
class Plan:
    """How one pass applies adapters: chosen once, followed by every module."""

    form: "Form"
    slots: Int[Tensor, " rows"]
    """Slot of each row."""
    used: int
    """Slots [1, used) are the highest any row needs."""
    mask: Float[Tensor, "rows _used 1 1"] | None = None
    """0 and 1, for the masked form."""
    runs: tuple[tuple[int, int, int], ...] = ()
    """(slot, first row, last row) of rows side by side that share a slot, for the form by runs."""
    inner: dict[int, list[Tensor]] = field(default_factory=dict)
    """By group: each module's x A^T of the pass, made by the group's first module."""


Form = Callable[[Plan, Group, Float[Tensor, "rows tokens d_in"]], list[Tensor]]
"""Gives each module's x A^T: (rows, tokens, rank), or what the form's second product wants instead."""


def run_with(plan: Plan | None) -> None:
    """Set the plan that modules of this thread follow from now on."""
    _current.plan = plan


def mask_of(slots: Int[Tensor, " rows"], used: int, dtype: torch.dtype) -> Float[Tensor, "rows _used 1 1"]:
    """1 where a row uses a slot from 1 on."""
    wanted = torch.arange(1, used, device=slots.device)
    return (slots[:, None] == wanted).to(dtype)[:, :, None, None]


def masked(plan: Plan, group: Group, x: Float[Tensor, "rows tokens d_in"]) -> list[Float[Tensor, "rows*tokens _inner"]]:
    """Products with all slots in use; the mask leaves each row its own. Best for few tokens."""
    used, modules, rank = plan.used, group.a.shape[1], group.a.shape[2]
    rows, tokens, _ = x.shape
    h = torch.nn.functional.linear(x.reshape(rows * tokens, -1), group.a[1:used].flatten(0, 2))
    assert plan.mask is not None
    h = h.view(rows, tokens, used - 1, modules, rank) * plan.mask[:, None]
    flat = h.view(rows * tokens, used - 1, modules, rank)
    return [flat[:, :, m].reshape(rows * tokens, -1) for m in range(modules)]


def kept(plan: Plan, group: Group, x: Float[Tensor, "rows tokens d_in"]) -> list[Float[Tensor, "rows tokens rank"]]:
    """Each row's own factors, which stand side by side already, in float32. Best for one token of many adapters."""
    rows = x.shape[0]
    h = torch.bmm(x.float(), group.row_a[:rows].transpose(1, 2))
    return list(h.split(group.a.shape[2], dim=-1))


def gathered(plan: Plan, group: Group, x: Float[Tensor, "rows tokens d_in"]) -> list[Float[Tensor, "rows tokens rank"]]:
    """Each row's own factors, gathered, in batched products. Best for many tokens of many adapters."""
    a = group.a[plan.slots].flatten(1, 2)  # (rows, modules * rank, d_in)
    return list(torch.bmm(x, a.transpose(1, 2)).split(group.a.shape[2], dim=-1))


def by_runs(plan: Plan, group: Group, x: Float[Tensor, "rows tokens d_in"]) -> list[Float[Tensor, "rows tokens rank"]]:
    """One product for each run of rows that share a slot. Best for long prompts of few adapters."""
    h = x.new_zeros(*x.shape[:2], group.a.shape[1] * group.a.shape[2])
    for slot, first, last in plan.runs:
        if slot:
            h[first:last] = torch.nn.functional.linear(x[first:last], group.a[slot].flatten(0, 1))
    return list(h.split(group.a.shape[2], dim=-1))


def _add(plan: Plan, group: Group, place: int, inner: Tensor, out: Float[Tensor, "rows tokens d_out"]) -> None:
    """Add the second product to a module's output, in place."""
    b = group.b[place]
    if plan.form is masked:
        out.view(-1, out.shape[-1]).addmm_(inner, b[1 : plan.used].flatten(0, 1))
    elif plan.form is kept:
        out.add_(torch.bmm(inner, group.row_b[place][: len(out)]))
    elif plan.form is gathered:
        out.baddbmm_(inner, b[plan.slots])
    else:
        for slot, first, last in plan.runs:
            if slot:
                flat = out[first:last].view(-1, out.shape[-1])
                flat.addmm_(inner[first:last].reshape(-1, inner.shape[-1]), b[slot])


def hook_of(number: int, place: int, group: Group) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]:
    def add(_: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
        plan: Plan | None = getattr(_current, "plan", None)
        if plan is None:
            return None
        if place == 0:
            plan.inner[number] = plan.form(plan, group, args[0])
        out = out.contiguous()
        _add(plan, group, place, plan.inner[number][place], out)
        return out

    return add


def runs_of(slots: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
    runs: list[tuple[int, int, int]] = []
    for row, slot in enumerate(slots):
        if runs and runs[-1][0] == slot:
            runs[-1] = (slot, runs[-1][1], row + 1)
        else:
            runs.append((slot, row, row + 1))
    return tuple(runs)

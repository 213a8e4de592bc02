"""Slots of stacked LoRA factors per layer: many adapters in one forward pass of one base (S-LoRA, Sheng et al. 2023).

Modules that read the same input (q, k and v; gate and up) form a group. A group keeps `A` of all slots in one tensor
(slot, module, rank, d_in), so one product serves all its modules. Slot 0 stays zero: no adapter. Smaller ranks are
padded with zeros, scales are folded into B. Of the formulations below the cheapest is chosen for each pass.

A decoding step reads every row's factors for one token each, so what counts is how many bytes it touches and copies:
the factors of the rows are kept side by side from step to step, and only rows that changed are copied anew.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlora.adapter import AdapterState, BaseLayout, LoraPair
from genlora.errors import AdapterFormatError, AdapterShapeError
from genlora.lru import Lru

from ._pool import Served
from ._request import Adapter

_SHARED_INPUT = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
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


class SlotPool:
    """Slots on one model: the `Pool` of plain adapters.

    Raises `AdapterShapeError` or `AdapterFormatError` from `check` for adapters that do not fit.
    """

    def __init__(self, model: nn.Module, layout: BaseLayout, *, slots: int, max_rank: int, rows: int) -> None:
        self.slots, self.max_rank = slots, max_rank
        self._rows = [0] * rows  # the slot whose factors stand in each row; -1: they are out of date
        self._model, self._specs = model, layout.by_path
        weight = next(p for p in model.parameters() if p.is_floating_point())
        self.dtype, self._device = weight.dtype, weight.device
        self._rank = 0
        self._leaves: frozenset[str] = frozenset()
        self._groups: list[Group] = []
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []
        self._free = set(range(1, slots + 1))
        self.held: Lru[str, tuple[int, AdapterState]] = Lru(slots, on_evict=lambda _, held: self._free.add(held[0]))
        self.loads = 0

    # Which adapter sits where.

    @property
    def bytes(self) -> int:
        """Memory of the stacked factors."""
        return sum(t.numel() * t.element_size() for g in self._groups for t in (g.a, *g.b, g.row_a, *g.row_b))

    def check(self, adapter: Adapter) -> None:
        """Refuse an adapter that does not fit this base or these slots."""
        if adapter.key in self.held:
            return
        name = f"adapter {adapter.key[:60]}"
        for path, pair in adapter.state.items():
            spec = self._specs.get(path)
            if spec is None:
                raise AdapterShapeError(f"{name}: this base has no module {path}. Was it made for another?")
            if (pair.d_in, pair.d_out) != (spec.d_in, spec.d_out):
                raise AdapterShapeError(
                    f"{name}, {path}: shapes are for a module of {pair.d_in} to {pair.d_out}, the "
                    f"base has {spec.d_in} to {spec.d_out}. Was it made for another base?"
                )
            if pair.rank > self.max_rank:
                raise AdapterFormatError(
                    f"{name}, {path}: rank {pair.rank} is over the engine's {self.max_rank}. "
                    f"Start the engine with max_rank={pair.rank}, or make the adapter with a lower rank."
                )
            if not (pair.a.isfinite().all() and pair.b.isfinite().all()):
                raise AdapterFormatError(
                    f"{name}, {path}: factors hold values that are not finite. Make the adapter anew."
                )

    def lease(self, adapter: Adapter) -> bool:
        """Give the adapter a slot, until `held.release`; False while all slots are leased to others."""
        if adapter.key not in self.held and not self._load(adapter):
            return False
        self.held.lease(adapter.key)
        return True

    def slot_of(self, key: str) -> int:
        """The slot of a resident adapter; 0 for any other."""
        held = self.held.peek(key)
        return 0 if held is None else held[0]

    def _load(self, adapter: Adapter) -> bool:
        if not self.held.make_room(1):
            return False
        slot, state = min(self._free), _nonzero(adapter.state)
        self._widen(state)
        self._write(slot, state)
        self._free.remove(slot)
        self.held.put(adapter.key, (slot, state))
        self.loads += 1
        return True

    def _widen(self, state: AdapterState) -> None:
        """Widen the stacks to the state's modules and rank; what is resident is written anew. Rare."""
        leaves = self._leaves | {self._specs[path].leaf for path in state}
        rank = max([self._rank, *(p.rank for p in state.values())])
        if leaves == self._leaves and rank == self._rank:
            return
        self.detach()
        self._leaves, self._rank = leaves, rank
        self._groups = [
            self._group(paths) for paths in _grouped([p for p, s in self._specs.items() if s.leaf in leaves])
        ]
        self._rows = [-1] * len(self._rows)
        held = dict(self.held.values())
        for slot in range(max(held, default=0) + 1):  # free ones below are zero: products with all slots read them
            self._write(slot, held.get(slot, {}))
        for number, group in enumerate(self._groups):
            for place, path in enumerate(group.paths):
                self._hooks.append(self._model.get_submodule(path).register_forward_hook(_hook(number, place, group)))

    def _group(self, paths: Sequence[str]) -> Group:
        specs = [self._specs[p] for p in paths]
        n, rows, rank = self.slots + 1, len(self._rows), self._rank

        return Group(
            tuple(paths),
            self._room(n, len(paths), rank, specs[0].d_in),
            [self._room(n, rank, s.d_out) for s in specs],
            self._room(rows, len(paths) * rank, specs[0].d_in, dtype=torch.float32),
            [self._room(rows, rank, s.d_out, dtype=torch.float32) for s in specs],
        )

    def _room(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """Memory that nobody has written yet: all slots and rows of wide adapters take over a gigabyte, and a process
        pays for what it writes. Slots and rows are written when they are first used.
        """
        return torch.empty(*shape, dtype=dtype or self.dtype, device=self._device)

    def _write(self, slot: int, state: Mapping[str, LoraPair]) -> None:
        self._rows = [-1 if held == slot else held for held in self._rows]
        for group in self._groups:
            for place, path in enumerate(group.paths):
                pair = state.get(path)
                a, b = group.a[slot, place], group.b[place][slot]
                rank = 0 if pair is None else pair.rank
                if pair is not None:
                    a[:rank].copy_(pair.a)
                    b[:rank].copy_((pair.b.float() * pair.scale if pair.scale != 1 else pair.b).T)
                a[rank:].zero_()
                b[rank:].zero_()

    def detach(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    # How a pass uses them.

    @contextmanager
    def applied(self, rows: Sequence[Served | None], tokens: int) -> Iterator[None]:
        """A pass of `tokens` tokens a row is run inside, each row with its own slot."""
        run_with(self.plan([0 if adapter is None else self.slot_of(adapter.key) for adapter in rows], tokens))
        try:
            yield
        finally:
            run_with(None)

    def plan(self, slots: Sequence[int], tokens: int) -> Plan | None:
        """The cheapest way to apply these slots, one for each row of `tokens` tokens; None if no row has an adapter."""
        if not any(slots) or not self._groups:
            return None
        rows, used, runs = len(slots), max(slots) + 1, _runs(slots)
        # Microseconds a layer at rank 8 on two cores, fitted to benchmarks/engine_forms.py.
        count, all_tokens = used - 1, rows * tokens
        costs: dict[Form, float] = {masked: 60 + 6 * count + (0.2 + 0.12 * count) * all_tokens}
        if tokens == 1:
            costs[kept] = 40 + 4.5 * rows
        else:
            costs[gathered] = 80 + 6 * rows + 0.2 * all_tokens
            costs[by_runs] = 60 + 100 * sum(slot > 0 for slot, _, _ in runs) + 0.15 * all_tokens
        form = min(costs, key=lambda f: costs[f])
        where = torch.tensor(slots, device=self._device)
        plan = Plan(form, where, used, runs=runs)
        if form is masked:
            plan.mask = mask_of(where, used, self.dtype)
        elif form is kept:
            self._keep(slots)
        return plan

    def _keep(self, slots: Sequence[int]) -> None:
        """Bring the rows' own factors up to date."""
        for row, slot in enumerate(slots):
            if self._rows[row] != slot:
                self._rows[row] = slot
                for group in self._groups:
                    group.row_a[row] = group.a[slot].flatten(0, 1)
                    for rows, stack in zip(group.row_b, group.b, strict=True):
                        rows[row] = stack[slot]


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


def _hook(number: int, place: int, group: Group) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]:
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


def _nonzero(state: AdapterState) -> AdapterState:
    """Without the projections that are zero in every layer (k is, where none was trained): they need no stack."""
    alive = {path.rpartition(".")[2] for path, pair in state.items() if bool(pair.b.any())}
    return AdapterState({path: pair for path, pair in state.items() if path.rpartition(".")[2] in alive})


def _grouped(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Paths by shared input, in the order in which a layer runs them."""
    groups: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        parent, _, leaf = path.rpartition(".")
        family = next(("+".join(names) for names in _SHARED_INPUT if leaf in names), leaf)
        groups.setdefault((parent, family), []).append(path)
    order = {leaf: i for names in _SHARED_INPUT for i, leaf in enumerate(names)}
    return [tuple(sorted(g, key=lambda p: order.get(p.rpartition(".")[2], 0))) for g in groups.values()]


def _runs(slots: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
    runs: list[tuple[int, int, int]] = []
    for row, slot in enumerate(slots):
        if runs and runs[-1][0] == slot:
            runs[-1] = (slot, runs[-1][1], row + 1)
        else:
            runs.append((slot, row, row + 1))
    return tuple(runs)

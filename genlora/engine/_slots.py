"""Slots of stacked LoRA factors per layer: many adapters in one forward pass of one base (S-LoRA, Sheng et al. 2023).

Smaller ranks are padded with zeros, scales are folded into B. Of the formulations in `_forms` the cheapest is chosen
for each pass.

A decoding step reads every row's factors for one token each, so what counts is how many bytes it touches and copies:
the factors of the rows are kept side by side from step to step, and only rows that changed are copied anew.

Stacks are as wide as the widest adapter, but an adapter takes memory for its own modules and rank only: what nobody
wrote is zero and costs nothing (`_memory`). All together stay within the bytes that the pool may take.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, BaseLayout
from genlora.errors import AdapterFormatError, AdapterShapeError
from genlora.lru import Lru

from ._forms import Form, Group, Plan, by_runs, gathered, hook_of, kept, mask_of, masked, run_with, runs_of
from ._memory import pages, zeros
from ._pool import Served
from ._request import Adapter

_SHARED_INPUT = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
_ROWS_PART = 3
"""One part in so many of a pool's memory is for the factors that rows have side by side."""
_BOUNDLESS = 1 << 62


class SlotPool:
    """Slots on one model: the `Pool` of plain adapters. It takes at most `most_bytes` of memory, if that is given.

    Raises `AdapterShapeError` or `AdapterFormatError` from `check` for adapters that do not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        layout: BaseLayout,
        *,
        slots: int,
        max_rank: int,
        rows: int,
        most_bytes: int | None = None,
    ) -> None:
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
        self._row_limit = _BOUNDLESS if most_bytes is None else most_bytes // _ROWS_PART
        most = _BOUNDLESS if most_bytes is None else most_bytes - self._row_limit
        self.held: Lru[str, tuple[int, AdapterState]] = Lru(most, on_evict=lambda _, held: self._free.add(held[0]))
        self._filled: dict[int, dict[str, int]] = {}
        """By slot, the rank that stands there for each module; the rest is zero."""
        self._touched: dict[int, dict[str, int]] = {}
        """The highest rank that ever stood there: so much of it has taken memory."""
        self._rows_touched = 0
        self.loads = 0

    # Which adapter sits where.

    @property
    def bytes(self) -> int:
        """Memory of the stacked factors, as far as they were ever written."""
        return sum(self._size(ranks) for ranks in self._touched.values()) + self._rows_touched * self._row_size

    @property
    def _row_size(self) -> int:
        return sum(t[0].numel() * t.element_size() for g in self._groups for t in (g.row_a, *g.row_b))

    def _size(self, ranks: Mapping[str, int]) -> int:
        """Memory of factors of these ranks by module in one slot."""
        item = self.dtype.itemsize
        specs = ((self._specs[path], rank * item) for path, rank in ranks.items())
        return sum(pages(spec.d_in * row) + pages(spec.d_out * row) for spec, row in specs)

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
        if (size := self._size(_ranks(_nonzero(adapter.state)))) > self.held.limit:
            raise AdapterFormatError(
                f"{name}: takes {size >> 20:,} MiB in a slot, more than the {self.held.limit >> 20:,} MiB that "
                "there are for all slots. Start with more memory for adapters, or make the adapter with a lower rank."
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
        state = _nonzero(adapter.state)
        size = self._size(ranks := _ranks(state))
        if self.held.leased >= self.slots or not self.held.make_room(size):
            return False
        self.held.keep(self.slots - 1)
        slot = min(self._free, key=lambda free: (self._growth(free, ranks), free))
        if self._taken + self._growth(slot, ranks) > self.held.limit:
            self._stack_anew()  # slots have grown to all that ever stood in them
        self._widen(state)
        self._write(slot, state)
        self._free.remove(slot)
        self.held.put(adapter.key, (slot, state), size)
        self.loads += 1
        return True

    @property
    def _taken(self) -> int:
        return sum(map(self._size, self._touched.values()))

    def _growth(self, slot: int, ranks: Mapping[str, int]) -> int:
        """Memory that a slot takes in addition when factors of these ranks are written there."""
        before = self._touched.get(slot, {})
        return self._size(_widest(before, ranks)) - self._size(before)

    def _widen(self, state: AdapterState) -> None:
        """Widen the stacks to the state's modules and rank; what is resident is written anew. Rare."""
        leaves = self._leaves | {self._specs[path].leaf for path in state}
        rank = max([self._rank, *(p.rank for p in state.values())])
        if leaves == self._leaves and rank == self._rank:
            return
        self._leaves, self._rank = leaves, rank
        self._stack_anew()

    def _stack_anew(self) -> None:
        self.detach()
        self._groups, self._filled, self._touched, self._rows_touched = [], {}, {}, 0
        self._groups = [
            self._group(paths) for paths in _grouped([p for p, s in self._specs.items() if s.leaf in self._leaves])
        ]
        self._rows = [-1] * len(self._rows)
        for slot, state in self.held.values():
            self._write(slot, state)
        for number, group in enumerate(self._groups):
            for place, path in enumerate(group.paths):
                self._hooks.append(self._model.get_submodule(path).register_forward_hook(hook_of(number, place, group)))

    def _group(self, paths: Sequence[str]) -> Group:
        specs = [self._specs[p] for p in paths]
        n, rows, rank = self.slots + 1, len(self._rows), self._rank

        def room(*shape: int, dtype: torch.dtype = self.dtype) -> Tensor:
            return zeros(*shape, dtype=dtype, device=self._device)

        return Group(
            tuple(paths),
            room(n, len(paths), rank, specs[0].d_in),
            [room(n, rank, s.d_out) for s in specs],
            room(rows, len(paths) * rank, specs[0].d_in, dtype=torch.float32),
            [room(rows, rank, s.d_out, dtype=torch.float32) for s in specs],
        )

    def _write(self, slot: int, state: AdapterState) -> None:
        """Put factors into a slot; what stood there and is not covered becomes zero again."""
        self._rows = [-1 if held == slot else held for held in self._rows]
        before, now = self._filled.get(slot, {}), _ranks(state)
        for group in self._groups:
            for place, path in enumerate(group.paths):
                a, b = group.a[slot, place], group.b[place][slot]
                rank = now.get(path, 0)
                if rank:
                    pair = state[path]
                    a[:rank].copy_(pair.a)
                    b[:rank].copy_((pair.b.float() * pair.scale if pair.scale != 1 else pair.b).T)
                a[rank : before.get(path, 0)].zero_()
                b[rank : before.get(path, 0)].zero_()
        self._filled[slot] = now
        self._touched[slot] = _widest(self._touched.get(slot, {}), now)

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
        rows, used, runs = len(slots), max(slots) + 1, runs_of(slots)
        # Microseconds a layer at rank 8 on two cores, fitted to benchmarks/engine_forms.py.
        count, all_tokens = used - 1, rows * tokens
        costs: dict[Form, float] = {masked: 60 + 6 * count + (0.2 + 0.12 * count) * all_tokens}
        if tokens == 1 and rows * self._row_size <= self._row_limit:
            costs[kept] = 40 + 4.5 * rows
        elif tokens == 1:
            costs[by_runs] = 60 + 100 * len(runs)
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
        self._rows_touched = max(self._rows_touched, len(slots))
        for row, slot in enumerate(slots):
            if self._rows[row] != slot:
                self._rows[row] = slot
                for group in self._groups:
                    group.row_a[row] = group.a[slot].flatten(0, 1)
                    for rows, stack in zip(group.row_b, group.b, strict=True):
                        rows[row] = stack[slot]


def _nonzero(state: AdapterState) -> AdapterState:
    """Without the projections that are zero in every layer (k is, where none was trained): they need no stack."""
    alive = {path.rpartition(".")[2] for path, pair in state.items() if bool(pair.b.any())}
    return AdapterState({path: pair for path, pair in state.items() if path.rpartition(".")[2] in alive})


def _ranks(state: AdapterState) -> dict[str, int]:
    return {path: pair.rank for path, pair in state.items()}


def _widest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {path: max(one.get(path, 0), other.get(path, 0)) for path in {**one, **other}}


def _grouped(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Paths by shared input, in the order in which a layer runs them."""
    groups: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        parent, _, leaf = path.rpartition(".")
        family = next(("+".join(names) for names in _SHARED_INPUT if leaf in names), leaf)
        groups.setdefault((parent, family), []).append(path)
    order = {leaf: i for names in _SHARED_INPUT for i, leaf in enumerate(names)}
    return [tuple(sorted(g, key=lambda p: order.get(p.rpartition(".")[2], 0))) for g in groups.values()]

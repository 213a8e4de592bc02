"""What several experts train and what each remembers: tensors in float32, outside of the model."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from genlora.adapter import AdapterState, LoraPair, ModuleSpec

from ..rows._stacked import of_checkpoint
from ._structure import Structure


class Masters:
    """Slots of experts, (k, ...) each: what is trained, what is kept, and what rules remember of it."""

    def __init__(
        self,
        specs: Sequence[ModuleSpec],
        rank: int,
        slots: int,
        *,
        scale: float,
        structure: Structure,
        shared: Mapping[str, Mapping[str, Tensor]] | None = None,
    ) -> None:
        self.specs, self.rank, self.scale, self.structure = list(specs), rank, scale, structure
        self.paths = [s.path for s in self.specs]
        self.shared = {p: dict((shared or {}).get(p, {})) for p in self.paths}
        shapes = [structure.trained(s, rank) for s in self.specs]
        self.names = list(shapes[0])
        self.trained = {n: [torch.zeros(slots, *x[n]) for x in shapes] for n in self.names}
        kept = [structure.kept(s, rank) for s in self.specs]
        self.kept = {n: [torch.zeros(slots, *x[n]) for x in kept] for n in kept[0]}
        self.ranks = torch.full((len(self.specs), slots), float(rank))
        """Of each module and expert; 0 where an allocation left it out."""
        self.tied = torch.full((len(self.specs), slots), -1)
        """Of modules that share one adapter, the first of them; -1 where a module has its own."""
        self.live = torch.ones(len(self.specs), slots)
        """1 where this step may change it (LISA)."""
        self.steps = torch.zeros(slots)
        self.counts = torch.zeros(len(self.masters), slots)
        """Steps that each trained tensor has behind it, since its memory was last cleared."""
        self.seeds = [0] * slots
        self.memory: dict[str, list[Tensor]] = {}
        """Of the optimiser: one tensor or more a module under each name."""

    @property
    def masters(self) -> list[Tensor]:
        """Everything that is trained: of the first name module after module, then of the next."""
        return [x for n in self.names for x in self.trained[n]]

    @property
    def slots(self) -> int:
        return len(self.steps)

    def place(self, index: int) -> int:
        """The module that the master of this index belongs to."""
        return index % len(self.specs)

    def name(self, index: int) -> str:
        """What the master of this index is called in its module: a, b, ..."""
        return self.names[index // len(self.specs)]

    def forget(self, modules: Sequence[int], slot: int) -> None:
        """Clear what the optimiser remembers of these modules for one expert."""
        gone = set(modules)
        for many in self.memory.values():
            for i, x in enumerate(many):
                if self.place(i) in gone:
                    x[slot] = 0
        for i in range(len(self.counts)):
            if self.place(i) in gone:
                self.counts[i, slot] = 0

    def parts(self, i: int, trained: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """All tensors of module `i` by name."""
        now = {n: self.trained[n][i] for n in self.names} if trained is None else trained
        return {**now, **{n: x[i] for n, x in self.kept.items()}, **self.shared[self.paths[i]]}

    def factors(self, i: int) -> tuple[Tensor, Tensor]:
        """A (k, R, d_in) and B (k, d_out, R) of module `i`; either may be (1, ...) where all experts share it."""
        a, b = self.structure.factors(self.parts(i))
        return self._switched(i, a, b)

    def _switched(self, i: int, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        if bool((self.ranks[i] > 0).all()):
            return a, b
        on = (self.ranks[i] > 0)[:, None, None]
        return (a * on, b) if "b" in self.structure.fixed(self.specs[i]) else (a, b * on)

    def put(
        self,
        slot: int,
        parts: Mapping[str, Mapping[str, Tensor]],
        *,
        seed: int,
        ranks: Sequence[int],
        tied: Mapping[str, str] | None = None,
    ) -> None:
        """A fresh expert: `{path: {name: tensor}}` of what is trained and kept, the rank of each module, and of those
        that share an adapter `{path: path of the first}`.
        """
        shared = tied or {}
        for i, path in enumerate(self.paths):
            self.tied[i, slot] = self.paths.index(shared[path]) if path in shared else -1
            for tensors in (self.trained, self.kept):
                for name, all_of in tensors.items():
                    all_of[i][slot] = parts[shared.get(path, path)][name]
        self.ranks[:, slot] = torch.tensor([float(r) for r in ranks])
        self.seeds[slot] = seed
        self.steps[slot] = 0
        self.counts[:, slot] = 0
        for many in self.memory.values():
            for x in many:
                x[slot] = 0

    def keep(self, slots: Sequence[int]) -> None:
        """Drop all slots but these."""
        index = torch.tensor(list(slots))
        for group in (self.trained, self.kept, self.memory):
            for name, many in group.items():
                group[name] = [x[index].clone() for x in many]
        self.ranks, self.live = self.ranks[:, index].clone(), self.live[:, index].clone()
        self.tied = self.tied[:, index].clone()
        self.counts, self.steps = self.counts[:, index].clone(), self.steps[index].clone()
        self.seeds = [self.seeds[i] for i in slots]

    def groups(self) -> list[tuple[int, list[int]]]:
        """(slot, modules that share one adapter there), for every such group."""
        found: dict[tuple[int, int], list[int]] = {}
        for i, slot in (self.tied >= 0).nonzero().tolist():
            found.setdefault((slot, int(self.tied[i, slot])), []).append(i)
        return [(slot, modules) for (slot, _), modules in found.items()]

    def summed(self, grads: Sequence[Tensor]) -> list[Tensor]:
        """Gradients in the masters' order; modules that share an adapter each get the sum of theirs."""
        groups = self.groups()
        out = [g.clone() for g in grads] if groups else list(grads)
        for slot, modules in groups:
            for at in range(0, len(out), len(self.specs)):
                total = torch.stack([grads[at + i][slot] for i in modules]).sum(0)
                for i in modules:
                    out[at + i][slot] = total
        return out

    def state(self, slot: int) -> AdapterState:
        """The expert in `slot` as it is trained: a plain adapter of whatever rank that takes, float32."""
        pairs = {}
        for i, path in enumerate(self.paths):
            a, b = (x[slot if x.shape[0] > 1 else 0].detach().clone() for x in self.factors(i))
            pairs[path] = LoraPair(a, b, self.scale)
        return AdapterState(pairs)

    def tensors(self, slot: int) -> dict[str, Tensor]:
        """Everything needed to go on with `slot` after a kill; the optimiser's memory under names that begin with m
        or v.
        """
        out = {"steps": self.steps[slot : slot + 1].clone(), "counts": self.counts[:, slot].clone()}
        out["ranks"], out["tied"] = self.ranks[:, slot].clone(), self.tied[:, slot].clone()
        out |= {f"x{i}": x[slot].clone() for i, x in enumerate(self.masters)}
        out |= {f"k.{n}{i}": x[slot].clone() for n, many in self.kept.items() for i, x in enumerate(many)}
        return out | {f"{n}{i}": x[slot].clone() for n, many in self.memory.items() for i, x in enumerate(many)}

    def restore(self, slot: int, tensors: Mapping[str, Tensor], *, seed: int = 0, history: bool = True) -> None:
        """Undo `tensors`; without `history`, of the expert alone. Shapes that do not fit are a `TrainingError`."""
        into = {f"x{i}": x for i, x in enumerate(self.masters)}
        into |= {f"k.{n}{i}": x for n, many in self.kept.items() for i, x in enumerate(many)}
        if history:
            into |= {f"{n}{i}": x for n, many in self.memory.items() for i, x in enumerate(many)}
        for name, target in into.items():
            target[slot] = of_checkpoint(tensors, name, target[slot], what="method, rank")
        self.ranks[:, slot], self.counts[:, slot] = tensors["ranks"], tensors["counts"]
        self.tied[:, slot] = tensors.get("tied", torch.tensor(-1))  # runs of before have none
        self.steps[slot], self.seeds[slot] = tensors["steps"][0], seed

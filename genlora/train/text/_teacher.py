"""What experts teach a generator: their behaviour at the labels, and their updates in product space."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genlora.adapter import AdapterState, BaseLayout
from genlora.base import LoadedBase
from genlora.generators import Factors

from ..rows._losses import label_losses
from ..rows._packing import encode_rows, pack
from ..rows._routed import FactorSetter
from ._task_batches import TaskBatch, TaskBatches

TOP = 8
"""Tokens of a teacher's distribution that are kept for each label; the rest is one bucket."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """A teacher's distribution at some labels of a batch."""

    at: Tensor
    """(n,) which labels."""
    ids: Tensor
    """(n, TOP) tokens."""
    log_probs: Tensor
    """(n, TOP)."""


class Experts:
    """Experts of training tasks: factors {leaf: (A (layers, r, d_in), B (layers, d_out, r))} and recorded behaviour."""

    def __init__(self, states: Mapping[str, AdapterState], layout: BaseLayout, leaves: Sequence[str]) -> None:
        self.factors: dict[str, dict[str, tuple[Tensor, Tensor]]] = {}
        for name, state in states.items():
            folded = state.folded()
            self.factors[name] = {
                leaf: (
                    torch.stack([folded[m.path].a for m in layout.of((leaf,))]),
                    torch.stack([folded[m.path].b for m in layout.of((leaf,))]),
                )
                for leaf in leaves
            }
        self.said: dict[tuple[str, str], tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def record(
        self,
        base: LoadedBase,
        batches: TaskBatches,
        setter: FactorSetter,
        *,
        rows: int = 160,
        scale: float = 2.0,
        on_task: Callable[[str], None] = lambda name: None,
    ) -> None:
        """Let each expert answer up to `rows` training rows of its task, bare; keep its distribution at the labels."""
        for name in [n for n in batches.names if n in self.factors]:
            setter.route({leaf: (a[None], b[None] / scale) for leaf, (a, b) in self.factors[name].items()})
            examples = batches.examples[name][:rows]
            for i in range(0, len(examples), 24):
                part = examples[i : i + 24]
                encoded = encode_rows(base.tokenizer, part, max_tokens=10_000)
                batch = pack(
                    [(encoded.prefix, encoded.rows)], pad=batches.pad, dtype=batches.dtype, device=batches.device
                )
                top = label_losses(base.model, batch).logits.log_softmax(-1).topk(TOP, -1)
                for r, e in enumerate(part):
                    mine = batch.row == r
                    self.said[(name, e.input)] = (top.indices[mine].int(), top.values[mine].half())
            on_task(name)
        setter.clear()

    def teacher(self, step: TaskBatch) -> Teacher | None:
        """What was recorded for the rows of a step, or None."""
        at, ids, log_probs, row = [], [], [], 0
        for name, examples in zip(step.tasks, step.examples, strict=True):
            for e in examples:
                said = self.said.get((name, e.input))
                if said is not None:
                    mine = (step.batch.row == row).nonzero()[:, 0]
                    if len(mine) == len(said[0]):
                        at.append(mine)
                        ids.append(said[0].long())
                        log_probs.append(said[1].float())
                row += 1
        return Teacher(torch.cat(at), torch.cat(ids), torch.cat(log_probs)) if at else None

    def distance(self, names: Sequence[str], factors: Factors, scale: float) -> Tensor:
        """Mean over tasks with an expert of ‖ΔW - ΔW_e‖² / ‖ΔW_e‖², all modules together; no ΔW is formed."""
        mine = [i for i, n in enumerate(names) if n in self.factors]
        if not mine:
            return torch.zeros(())
        one, two, inner = torch.zeros(len(mine)), torch.zeros(len(mine)), torch.zeros(len(mine))
        for leaf, (a, b) in factors.items():
            a, b = (a.expand(len(names), *a.shape[1:])[mine], b.expand(len(names), *b.shape[1:])[mine] * scale)
            ea = torch.stack([self.factors[names[i]][leaf][0] for i in mine])
            eb = torch.stack([self.factors[names[i]][leaf][1] for i in mine])
            one = one + _inner(a, b, a, b)
            two = two + _inner(ea, eb, ea, eb)
            inner = inner + _inner(a, b, ea, eb)
        return ((one + two - 2 * inner) / two.clamp(min=1e-12)).mean()


def _inner(a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> Tensor:
    """<B₁A₁, B₂A₂> summed over layers, (K,): tr(B₂ᵀB₁ · A₁A₂ᵀ)."""
    return ((b2.mT @ b1) * (a2 @ a1.mT)).sum((-1, -2, -3))


def kl_to_teacher(logits: Tensor, teacher: Teacher) -> Tensor:
    """Mean KL(teacher ‖ student) over the recorded labels: the teacher's top tokens and one bucket for the rest."""
    student = logits[teacher.at].log_softmax(-1)
    mine = student.gather(1, teacher.ids)
    p = teacher.log_probs.exp()
    rest = (1 - p.sum(-1)).clamp(min=1e-6)
    mine_rest = torch.log((1 - mine.exp().sum(-1)).clamp(min=1e-6))
    return ((p * (teacher.log_probs - mine)).sum(-1) + rest * (rest.log() - mine_rest)).mean()

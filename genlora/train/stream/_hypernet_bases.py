"""Fitting the hypernetwork over shared bases on the stream: every sequence of a batch has an adapter of its own.

The loss is that of `fewshot`, through the frozen base, on the same tasks: rows with the input alone, with the
description, and with examples. What the prompt leaves out only the adapter can know. With `kl`, the few-shot adapter
that it starts from is the teacher: it sees the description and three examples of rows that the pupil sees bare or
described, and the loss gains

    kl · mean over those rows' answers of KL(teacher ‖ pupil) at the labels
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from genlora.base import LoadedBase
from genlora.generators import BasesConfig, BasesNetwork, Factors
from genlora.tasks import Draw, Example, Task

from ..loop._lightning import Step
from ..rows._dialogues import Dialogue, described_rows, dialogue
from ..rows._forced import answers_right
from ..rows._losses import label_losses, means_by
from ..rows._routed import FactorSetter
from ._config import StreamConfig
from ._fewshot import LONGEST, validation_dialogues
from ._readers import DescriptionReader
from ._steps import Ahead, StreamSteps
from ._stream_fit import StreamFit

TAUGHT_BY = 3
"""Worked examples that the teacher sees."""
_SAMPLE = 64
"""Sequences whose descriptions' mean and spread the network starts with."""


@dataclass(frozen=True, kw_only=True)
class HypernetBasesConfig(StreamConfig):
    """Everything that decides a run; sizes of the network stand in its own configuration."""

    bare: float = 0.5
    """Share of packs whose prompt is the input alone."""
    undescribed: float = 0.4
    kl: float = 0.0
    """Weight of the teacher."""


@dataclass(frozen=True)
class Told:
    """A sequence, what its adapter is made from, and the same rows as the teacher sees them."""

    said: Dialogue
    description: str
    taught: Dialogue | None = None

    def __len__(self) -> int:
        return len(self.said)


class HypernetSteps(StreamSteps[Told]):
    """Sequences as `fewshot` has them, and packs of bare rows; the adapter always knows the description."""

    config: HypernetBasesConfig

    def __init__(self, base: LoadedBase, tasks: Sequence[Task], config: HypernetBasesConfig) -> None:
        super().__init__(base, tasks, config)
        self.config = config
        self.shots = TAUGHT_BY if config.kl else 0
        self.examples += self.shots

    def sequence(self, draw: Draw, description: str, examples: Sequence[Example]) -> Told | None:
        """A pack or a dialogue; only packs have a teacher, whose prompt holds more."""
        c = self.config
        shown, rows = examples[: self.shots], examples[self.shots :]
        if not draw.chance(c.packs):
            told = None if draw.chance(c.undescribed) else description
            made = dialogue(self.tokenizer, rows, told, max_tokens=c.tokens, adapter_knows=True) if rows else None
            return None if made is None else Told(made, description)
        told = None if draw.chance(c.bare) else description
        made = described_rows(self.tokenizer, rows, told, max_tokens=c.tokens) if rows else None
        if made is None:
            return None
        taught = None
        if len(shown) == self.shots > 0:
            shots = [(e.input, e.output) for e in shown]
            same = rows[: len(made.answers)]
            taught = described_rows(self.tokenizer, same, description, shots=shots, max_tokens=1 << 20)
        return Told(made, description, taught)


def validation_told(
    base: LoadedBase, tasks: Sequence[Task], config: StreamConfig
) -> dict[str, tuple[list[Told], list[Told]]]:
    """{source: (dialogues that begin with the description, packs of bare rows)} of nothing that trains."""
    out: dict[str, tuple[list[Told], list[Told]]] = {}
    for source, found in validation_dialogues(base, tasks, config).items():
        packs = [(told, described_rows(base.tokenizer, rows, None, max_tokens=LONGEST)) for told, rows, _ in found]
        out[source] = (
            [Told(made, told) for told, _, made in found],
            [Told(made, told) for told, made in packs if made is not None],
        )
    return out


class HypernetBasesFit(StreamFit):
    """The network, trained end to end through the base."""

    config: HypernetBasesConfig

    def __init__(
        self,
        base: LoadedBase,
        setter: FactorSetter,
        drawn: Ahead[Told],
        readers: Sequence[DescriptionReader],
        network: BasesConfig,
        start: Mapping[str, Tensor],
        held: Mapping[str, tuple[Sequence[Told], Sequence[Told]]],
    ) -> None:
        assert isinstance(drawn.steps, HypernetSteps)
        super().__init__(base, setter, drawn.steps.config)
        self.config = drawn.steps.config
        self.drawn = drawn
        self.readers = tuple(readers)
        self.held = held
        self.network = BasesNetwork(network, start).to(base.device)
        teacher = {k: v.detach().clone().to(base.device) for k, v in start.items()} if self.config.kl else {}
        object.__setattr__(self, "teacher", teacher)  # frozen, and the start's artefact holds it
        sample = [t.description for n in range(-(-_SAMPLE // 4)) for t in drawn.steps.sequences(n)][:_SAMPLE]
        self.network.measure(self.read(sample))
        self.begin()

    teacher: dict[str, Tensor]

    def read(self, texts: Sequence[str]) -> dict[str, Any]:
        """What each reader makes of the texts."""
        return {r.name: r.read(texts) for r in self.readers}

    def losses(self, step: Step) -> dict[str, Tensor]:
        """Mean over answers of their mean label loss, and the teacher's part."""
        self.average()
        found = self.drawn.sequences(step.index * step.world + step.rank)
        self.tokens += sum(map(len, found)) * step.world
        said = self._said_by_teacher(found)
        self.setter.route(self.network(self.read([t.description for t in found])))
        batch = self.laid_out([t.said for t in found])
        answers = label_losses(self.base.model, batch)
        total = nll = means_by(batch.row, answers.loss, batch.n_rows).mean()
        out = {"nll": nll}
        if said is not None:
            mine = torch.tensor([t.taught is not None for t in found], device=batch.owner.device)[batch.owner]
            out["kl"] = _kl(said, answers.logits[mine].log_softmax(-1))
            total = total + self.config.kl * out["kl"]
        return {**out, "loss": total, "tokens": torch.tensor(float(self.tokens))}

    @torch.no_grad()
    def _said_by_teacher(self, found: Sequence[Told]) -> Tensor | None:
        """Log-probabilities at the labels of the rows it teaches, (labels, vocabulary); None where there are none."""
        taught = [t.taught for t in found if t.taught is not None]
        if not taught:
            return None
        leaves = dict.fromkeys(k.rsplit(".", 1)[0] for k in self.teacher)
        self.setter.route({k: (self.teacher[f"{k}.a"][None], self.teacher[f"{k}.b"][None]) for k in leaves})
        return label_losses(self.base.model, self.laid_out(taught)).logits.log_softmax(-1)

    def averaged(self, texts: Sequence[str]) -> Factors:
        """What the running mean of the weights makes of the texts."""
        weights = {k.removeprefix("network."): v for k, v in self.mean.items()}
        return functional_call(self.network, weights, (self.read(texts),))

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Shares of answers right by forcing, of the running mean of the weights.

        {source/k} with the description in the prompt and k examples before the input; {source/bare} for the input
        alone; {source/other} for that with the adapter of the next task's description, which is what chance and the
        common part of all adapters give.
        """
        self.network.eval()
        out: dict[str, float] = {}
        for source, (dialogues, packs) in self.held.items():
            out |= {f"{source}/{k}": v for k, v in self._right(dialogues).items()}
            others = [t.description for t in packs]
            for name, told in (("bare", others), ("other", _turned(others))):
                for v in self._right(packs, told).values():
                    out[f"{source}/{name}"] = v
        self.network.train()
        self.history.append({"tokens": float(self.tokens), **out})
        return out

    def _right(self, held: Sequence[Told], told: Sequence[str] | None = None) -> dict[int, float]:
        texts = [t.description for t in held] if told is None else told

        def route(part: Sequence[int]) -> None:
            self.setter.route(self.averaged([texts[i] for i in part]))

        # A batch holds as many adapters as sequences: they take more memory than the tokens.
        most = 1024 if self.base.device.type == "cpu" else 16384
        return answers_right(self.base, [t.said for t in held], most=most, route=route)

    def weights(self) -> dict[str, Tensor]:
        """The network's state with the running mean in place of its parameters."""
        mean = {k.removeprefix("network."): v for k, v in self.mean.items()}
        return {k: (mean[k] if k in mean else v).detach() for k, v in self.network.state_dict().items()}


def _kl(teacher: Tensor, pupil: Tensor) -> Tensor:
    """Mean over labels of KL(teacher ‖ pupil), both log-probabilities (labels, vocabulary)."""
    return torch.nn.functional.kl_div(pupil, teacher, log_target=True, reduction="batchmean")


def _turned(texts: Sequence[str]) -> list[str]:
    """For each text, the next one that is another."""
    out = []
    for i, own in enumerate(texts):
        after = [t for t in (*texts[i + 1 :], *texts[:i]) if t != own]
        out.append(after[0] if after else own)
    return out

"""Fitting `fewshot`: one adapter for prompts with a description, examples, or both, trained on the stream of tasks.

Every answer of a chat sequence is a label, so that one sequence trains the described prompt and every number of
examples at once.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from genlora.base import LoadedBase
from genlora.tasks import Draw, Example, Task, sample
from genlora.tasks.stream import GROUP, spec

from ..loop._lightning import Step
from ..rows._dialogues import Dialogue, described_rows, dialogue
from ..rows._forced import SHOWN, answers_right
from ..rows._losses import label_losses, means_by
from ..rows._routed import FactorSetter
from ..rows._stacked import common_start
from ._config import StreamConfig
from ._steps import Ahead, StreamSteps, plain
from ._stream_fit import StreamFit

LONGEST = 400
"""Of a sequence that validation looks at, in tokens."""


class FewshotConfig(StreamConfig):
    """Everything that decides a run of `fewshot`."""


class FewshotSteps(StreamSteps[Dialogue]):
    """Dialogues, and packs of rows that see the description."""

    def sequence(self, draw: Draw, description: str, examples: Sequence[Example]) -> Dialogue | None:
        """A dialogue that lacks a description has no label in its first turn."""
        c = self.config
        if draw.chance(c.packs):
            return described_rows(self.tokenizer, examples, description, max_tokens=c.tokens) if examples else None
        told = None if draw.chance(c.undescribed) else description
        return dialogue(self.tokenizer, examples, told, max_tokens=c.tokens) if len(examples) > 1 else None


def validation_dialogues(
    base: LoadedBase, tasks: Sequence[Task], config: StreamConfig
) -> dict[str, list[tuple[str, list[Example], Dialogue]]]:
    """{catalogue | near | far: (description, examples, dialogue)} of nothing that trains: unseen descriptions of
    validation tasks, held-out specs of the stream.
    """
    turns = max(SHOWN) + 1
    found: dict[str, list[tuple[str, Sequence[Example]]]] = {"catalogue": [], "near": [], "far": []}
    for task in tasks:
        rows = sample(task.split("validation"), turns * config.validation_dialogues, seed=0)
        told = (task.unseen_descriptions or task.descriptions)[0]
        found["catalogue"] += [(told, rows[i : i + turns]) for i in range(0, len(rows) - turns + 1, turns)]
    for split in ("near", "far"):
        for number in range(config.validation_specs):
            held = spec(1, GROUP * (number // 4) + 4 + number % 4, split=split)
            found[split].append((held.description(), held.rows(turns)))
    out: dict[str, list[tuple[str, list[Example], Dialogue]]] = {}
    for source, all_of_it in found.items():
        out[source] = []
        for told, rows in all_of_it:
            kept = plain(rows)
            made = dialogue(base.tokenizer, kept, told, max_tokens=LONGEST) if len(kept) > 1 else None
            if made is not None:
                out[source].append((told, kept, made))
    return out


class FewshotFit(StreamFit):
    """One adapter's factors, {leaf: (layers, r, d_in) and (layers, d_out, r)}, and their running mean."""

    def __init__(
        self,
        base: LoadedBase,
        setter: FactorSetter,
        drawn: Ahead[Dialogue],
        held: Mapping[str, Sequence[Dialogue]],
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__(base, setter, drawn.steps.config)
        self.drawn = drawn
        self.held = held
        first = start if start is not None else zero_start(base, self.config)
        self.a, self.b = nn.ParameterDict(), nn.ParameterDict()
        for leaf in self.config.targets:
            self.a[leaf] = nn.Parameter(first[f"{leaf}.a"].float().clone())
            self.b[leaf] = nn.Parameter(first[f"{leaf}.b"].float().clone())
        self.begin()

    def losses(self, step: Step) -> dict[str, Tensor]:
        """Mean over answers of their mean label loss."""
        self.average()
        found = self.drawn.sequences(step.index * step.world + step.rank)
        batch = self.laid_out(found)
        self.tokens += sum(map(len, found)) * step.world
        self._route(dict(self.named_parameters()))
        loss = means_by(batch.row, label_losses(self.base.model, batch).loss, batch.n_rows).mean()
        return {"loss": loss, "tokens": torch.tensor(float(self.tokens))}

    def _route(self, tensors: Mapping[str, Tensor]) -> None:
        self.setter.route({k: (tensors[f"a.{k}"][None], tensors[f"b.{k}"][None]) for k in self.config.targets})

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """{source/k: share of answers right by forcing} of the running mean; `tokens` is how many it has seen."""
        self._route(self.mean)
        out: dict[str, float] = {}
        for source, dialogues in self.held.items():
            out |= {f"{source}/{k}": v for k, v in answers_right(self.base, dialogues).items()}
        self.history.append({"tokens": float(self.tokens), **out})
        return out

    def weights(self) -> dict[str, Tensor]:
        """{leaf.a, leaf.b} of the running mean."""
        return {f"{leaf}.{side}": self.mean[f"{side}.{leaf}"] for leaf in self.config.targets for side in "ab"}


def zero_start(base: LoadedBase, config: StreamConfig) -> dict[str, Tensor]:
    """An adapter that changes nothing yet: A as PEFT draws it, B zero."""
    layout = base.layout
    first = common_start(layout, config.targets, config.rank, seed=config.seed)
    out = {}
    for leaf in config.targets:
        modules = layout.of((leaf,))
        out[f"{leaf}.a"] = torch.stack([first[m.path] for m in modules])
        out[f"{leaf}.b"] = torch.zeros(len(modules), modules[0].d_out, config.rank)
    return out

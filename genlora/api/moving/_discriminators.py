"""Discriminators for a bank's experts: trained while the real inputs are at hand, many in one batch, resumable."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterState
from genlora.bank import Bank
from genlora.base import LoadedBase, require_compatible
from genlora.errors import TaskError, TrainingError
from genlora.files import canonical_json, sha256_bytes
from genlora.progress import Progress, silent
from genlora.tasks import Example, Task, sample
from genlora.train import (
    SUFFIX,
    Discriminator,
    ExpertConfig,
    ExpertTick,
    ExpertTrainer,
    NoJudge,
    Synthetic,
    discriminator_task,
    yes_over_no,
)

from ._run import TransferRun
from ._steps import made_up
from ._writer import BaseWriter

log = logging.getLogger(__name__)

EACH = 120
"""Real inputs, and as many made-up ones, that a discriminator learns from and is checked on."""
_SEEDS = 5
_MOST = 4 * EACH


@dataclass(frozen=True)
class Discriminators:
    """What `train_discriminators` did."""

    folder: Path
    accuracy: dict[str, float]
    """{expert: share of left-out inputs told apart}."""
    failed: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder)}


def train_discriminators(
    bank: Bank,
    base: LoadedBase,
    tasks: Sequence[Task],
    folder: Path,
    run: Path,
    *,
    each: int = EACH,
    slots: int = 8,
    progress: Progress = silent,
    on_tick: Callable[[ExpertTick], None] | None = None,
) -> Discriminators:
    """Train a discriminator for each of `tasks` that is an expert of `bank`, and keep it as `folder/NAME.safetensors`.

    The base makes up inputs from five training inputs; a LoRA on it learns to tell them from the training split's
    others. Nothing of the test split is read. Everything finished survives a kill: the same `run` goes on.

    Raises `BaseMismatchError` for another base than the bank's, `TaskError` where no task is one of its experts.
    """
    require_compatible(base.fingerprint, bank.fingerprint, what="the base to train on")
    known = [t for t in tasks if t.name in bank]
    failed = {t.name: "the bank has no expert of that name" for t in tasks if t.name not in bank}
    if not known:
        raise TaskError(
            f"none of the {len(tasks)} tasks is an expert of {bank.where}. Train the experts first: genlora bank train"
        )
    config = ExpertConfig(lr=2e-3, max_rows=4 * each, eval_every=8, slots=slots)
    asked: dict[str, Task] = {}
    with BaseWriter(base) as write:
        for done, task in enumerate(known):
            progress("writing inputs", done, len(known))
            description = bank.get(task.name).description
            try:
                asked[task.name] = _question_task(task, description, base, write, run, each)
            except (TaskError, TrainingError) as err:
                log.warning("%s: gets no discriminator: %s", task.name, err)
                failed[task.name] = str(err)
    accuracy: dict[str, float] = {}
    if asked:
        trainer = ExpertTrainer(base, list(asked.values()), config, run / "training", on_tick=on_tick)
        for trained in trainer.run():
            task = asked[trained.name]
            right = _accuracy(base, trained.state, task.split("test"))
            found = Discriminator(
                expert=trained.name,
                description=task.descriptions[0],
                base=base.layout.fingerprint,
                base_name=base.layout.name,
                state=trained.state,
                accuracy=right,
                real=len(task.examples) // 2,
            )
            found.write(folder / f"{trained.name}{SUFFIX}")
            accuracy[trained.name] = right
            log.info("%s: its discriminator is right on %.0f %% of left-out inputs", trained.name, 100 * right)
        failed |= trainer.failed
    return Discriminators(folder, accuracy, failed)


def _question_task(task: Task, description: str, base: LoadedBase, write: BaseWriter, run: Path, each: int) -> Task:
    """The yes/no task of a task: training inputs, and what the base makes up from five others of them."""
    some = sample(task.split("train"), each + _SEEDS, seed=0)
    seeds, real = [e.input for e in some[:_SEEDS]], [e.input for e in some[_SEEDS:]]
    identity = {"expert": task.name, "base": base.layout.fingerprint, "each": each, "seeds": _digest(seeds)}
    files, found = TransferRun(run / "made-up" / task.name, identity), Synthetic[str]()
    for now in made_up(seeds, write, NoJudge(), files, count=each, most=_MOST, seed=1):
        found = now
    # What the base hits upon by chance would be called both.
    genuine = {e.input for e in task.examples}
    others = [t for t in found.kept if t not in genuine]
    return discriminator_task(task.name, description, real, others)


def _digest(texts: Sequence[str]) -> str:
    return sha256_bytes(canonical_json(list(texts)))


def _accuracy(base: LoadedBase, state: AdapterState, held: Sequence[Example]) -> float:
    if not held:
        return float("nan")
    scores = yes_over_no(base, state, held)
    return sum((s >= 0) == (e.output == "yes") for s, e in zip(scores, held, strict=True)) / len(held)

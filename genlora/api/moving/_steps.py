"""The steps of a transfer: inputs, answers, training, and what the new adapter agrees to."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import AdapterState
from genlora.base import LoadedBase, decode_text
from genlora.errors import BaseError, TrainingError
from genlora.progress import Progress
from genlora.tasks import Example, Metric, Task, prompt_ids
from genlora.train import (
    Candidate,
    Discriminator,
    ExpertTick,
    ExpertTrainer,
    Judge,
    SynthesisCounts,
    Synthetic,
    Trained,
    bandwidth,
    mmd,
    synthesise_inputs,
)

from ._options import LEAST_INPUTS, TransferOptions
from ._run import TransferRun
from ._sure import MAX_ANSWER_TOKENS, greedy_answers
from ._writer import BaseWriter

log = logging.getLogger(__name__)

_CHUNK = 32
"""Answers between two looks of the progress display."""
_EARLY = 4
"""Rounds after which it ends if not one input was kept."""


@dataclass(frozen=True, eq=False)
class Moving:
    """An expert that is to be moved, and all that is read of its task's data: the seeds."""

    name: str
    description: str
    state: AdapterState
    metric: Metric
    seeds: tuple[Example, ...]
    discriminator: Discriminator | None = None
    place: str = ""
    """Where the discriminator lies, for messages."""

    @property
    def texts(self) -> list[str]:
        return [s.input for s in self.seeds]


def missing_discriminator(name: str) -> TrainingError:
    """The error where a discriminator was asked for and there is none."""
    return TrainingError(
        f"{name}: has no discriminator. Train it where its data are: genlora bank discriminator, or filter by the "
        "seeds alone: --filter seeds"
    )


def check_prompts(base: LoadedBase, *, where: str) -> None:
    """Raise `BaseError` for a base whose tokenizer has no chat template, before anything is done."""
    try:
        prompt_ids(base.tokenizer, "x")
    except BaseError as err:
        raise BaseError(f"{where}: {err}") from err


def made_up(
    seeds: Sequence[str], write: BaseWriter, judge: Judge, run: TransferRun, *, count: int, most: int, seed: int
) -> Iterator[Synthetic[str]]:
    """`synthesise_inputs`, each round kept in the run folder as soon as it is written."""
    old = run.rounds()
    rounds = synthesise_inputs(
        seeds, write, judge, count=count, most=most, max_tokens=write.most_tokens(seeds), seed=seed, rounds=old
    )
    for number, (found, said) in enumerate(rounds):
        if number >= len(old):
            run.add_round(number, said)
        yield found


def write_inputs(
    moving: Moving,
    options: TransferOptions,
    writer: LoadedBase,
    judging: Callable[[], Judge],
    run: TransferRun,
    progress: Progress,
) -> dict[str, Any]:
    """The step `inputs`: synthesised inputs with the judge's scores. Raises `TrainingError` where too few are kept."""

    def make() -> dict[str, Any]:
        judge = judging()
        found, rounds = Synthetic[str](), 0
        with BaseWriter(writer) as write:
            for found in made_up(
                moving.texts, write, judge, run, count=options.count, most=options.limit, seed=options.seed
            ):
                rounds += 1
                c = found.counts
                progress("writing inputs", min(c.kept, options.count), options.count)
                log.info("%s: round %d: %s; acceptance %.0f %%", moving.name, rounds, c.told(), 100 * c.acceptance)
                if rounds == _EARLY and not c.kept:
                    break
        check_enough(moving, found.counts, judge)
        if found.counts.kept < options.count:
            log.warning(
                "%s: the limit of %d inputs was reached with %d of %d kept (%s)",
                moving.name,
                options.limit,
                found.counts.kept,
                options.count,
                found.counts.told(),
            )
        return {
            "filter": judge.how,
            "counts": found.counts.to_json(),
            "candidates": [[c.item, round(c.score, 4)] for c in found.candidates],
        }

    return run.step("inputs", make)


def check_enough(moving: Moving, counts: SynthesisCounts, judge: Judge) -> None:
    """Raise `TrainingError` where fewer inputs were kept than can be trained on, and say which step lost them."""
    if counts.kept >= LEAST_INPUTS:
        return
    said = f"{moving.name}: {counts.told()}, by {judge.how}; expected {LEAST_INPUTS} kept at least"
    if counts.unreadable >= 0.9 * counts.asked:
        raise TrainingError(
            f"{said}. The base does not write lines of the seeds' shape: let the other base write (--writer), or give "
            "more and shorter seeds (--seeds)."
        )
    if not counts.kept:
        raise TrainingError(f"{said}: nothing was accepted. Give other seeds, or filter otherwise: --filter seeds")
    raise TrainingError(f"{said}, when the limit was reached. Ask for more (--most), or give more seeds (--seeds).")


def candidates_of(step: dict[str, Any]) -> list[Candidate[str]]:
    return [Candidate(str(text), float(score)) for text, score in step["candidates"]]


def write_answers(
    moving: Moving, inputs: Sequence[str], source: LoadedBase, run: TransferRun, progress: Progress
) -> dict[str, Any]:
    """The step `answers`: what the expert answers greedily; answers that are empty or do not end are dropped."""

    def make() -> dict[str, Any]:
        rows, dropped = answers_of(source, moving.state, inputs, progress)
        if len(rows) < LEAST_INPUTS:
            raise TrainingError(
                f"{moving.name}: the expert gave a whole answer to {len(rows)} of {len(inputs)} made-up inputs, "
                f"expected {LEAST_INPUTS} at least (empty ones and those over {MAX_ANSWER_TOKENS} tokens are dropped). "
                "Is it an expert of this base, and are the seeds inputs of its task?"
            )
        return {"rows": [[e.input, e.output] for e in rows], "dropped": dropped}

    return run.step("answers", make)


def answers_of(
    base: LoadedBase, state: AdapterState | None, inputs: Sequence[str], progress: Progress
) -> tuple[list[Example], int]:
    """(examples, how many inputs got no whole answer): what a base with an adapter answers to bare inputs."""
    rows: list[Example] = []
    for start in range(0, len(inputs), _CHUNK):
        progress("answering", start, len(inputs))
        some = inputs[start : start + _CHUNK]
        for text, c in zip(some, greedy_answers(base, state, some), strict=True):
            said = decode_text(base.tokenizer, c.tokens)
            if c.ended and said:
                rows.append(Example(text, said))
    progress("answering", len(inputs), len(inputs))
    return rows, len(inputs) - len(rows)


def task_of(moving: Moving, rows: Sequence[Example]) -> Task:
    """The task that the adapter on the target is trained on."""
    return Task(moving.name, (moving.description,), tuple(rows), "transfer", moving.name, metric=moving.metric)


def train_on(
    moving: Moving,
    rows: Sequence[Example],
    options: TransferOptions,
    target: LoadedBase,
    run: TransferRun,
    progress: Progress,
) -> Trained:
    """A fresh adapter on the target, trained on the expert's answers; the best by the rows left out for that."""
    task = task_of(moving, rows)

    def ticked(tick: ExpertTick) -> None:
        total = options.config.max_rows
        left = tick.eta_s * tick.rows_per_s if math.isfinite(tick.eta_s) else total
        progress("training", max(0, total - round(left)), total)

    trainer = ExpertTrainer(target, [task], options.config, run.training, on_tick=ticked)
    for found in trainer.run():
        return found
    why = trainer.failed.get(moving.name, "nothing was trained")
    raise TrainingError(f"{moving.name}: cannot be trained on {target.layout.name}: {why}")


def agreement(
    target: LoadedBase, state: AdapterState, rows: Sequence[Example], progress: Progress
) -> dict[str, float | int | None]:
    """How often the new adapter says what the expert said, on synthesised inputs that were left out of its training."""
    task = Task("held-out", ("",), tuple(rows), "", "")
    held = task.split("test")
    if not held:
        return {"rows": 0, "share": None}
    said = {e.input: e.output for e in answers_of(target, state, [e.input for e in held], progress)[0]}
    return {"rows": len(held), "share": sum(said.get(e.input) == e.output for e in held) / len(held)}


def distances(seeds: Sequence[str], candidates: Sequence[Candidate[str]], embedder: Any) -> dict[str, float | None]:
    """MMD of kept and of rejected inputs to the seeds, over the task embedder's vectors, under one width."""
    kept = [c.item for c in candidates if c.kept]
    rejected = [c.item for c in candidates if not c.kept]
    rows: NDArray[np.float32] = embedder.embed([*seeds, *kept, *rejected])
    width = bandwidth(rows)
    s, k = len(seeds), len(seeds) + len(kept)
    found = {"kept": mmd(rows[s:k], rows[:s], width), "rejected": mmd(rows[k:], rows[:s], width)}
    found["all"] = mmd(rows[s:], rows[:s], width)
    return {name: None if math.isnan(v) else round(v, 4) for name, v in found.items()}


def training_told(trained: Trained) -> dict[str, Any]:
    p = asdict(trained.progress)
    return {k: p[k] for k in ("step", "rows_seen", "best_accuracy", "best_loss", "stopped", "seconds")}

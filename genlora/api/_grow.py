"""Grow a bank from tasks: train experts side by side, measure each on held-out examples, store the good ones."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterState
from genlora.bank import Bank, ExpertRecord, TaskEmbedder
from genlora.base import LoadedBase, require_compatible
from genlora.errors import ConfigError, TaskError
from genlora.evaluate import MAX_EXAMPLES, MIN_EXAMPLES, Admission, admit, answer, held_out
from genlora.files import atomic_write, canonical_json, read_json, sha256_bytes
from genlora.jobs import Pool
from genlora.tasks import Task, training_texts
from genlora.train import ExpertConfig, ExpertTick, Trained, TrainedGroup, train_groups

from ._scene import check_embedder

log = logging.getLogger(__name__)

SAMPLES = 4
"""Held-out inputs kept on each card, so that people have something to try."""


@dataclass(frozen=True)
class Grown:
    """What `grow_bank` did: every expert that was trained, admitted or not, and why the others were not."""

    measured: tuple[Admission, ...]
    failed: dict[str, str]

    @property
    def admitted(self) -> tuple[Admission, ...]:
        return tuple(a for a in self.measured if a.admitted)

    def to_json(self) -> dict[str, Any]:
        return {"admitted": len(self.admitted), "measured": [asdict(a) for a in self.measured], "failed": self.failed}


def usable(tasks: Sequence[Task]) -> tuple[list[Task], dict[str, str]]:
    """Tasks with enough held-out examples to be admitted at all, cheapest first; and why the rest is left out."""
    out, why = [], {}
    for task in tasks:
        n = len(task.split("test"))
        if n < MIN_EXAMPLES:
            why[task.name] = f"only {n} held-out examples, {MIN_EXAMPLES} needed"
        else:
            out.append(task)
    return sorted(out, key=_length), why


def _length(task: Task) -> float:
    some = task.split("train")[:64]
    return sum(len(e.input) + len(e.output) for e in some) / max(1, len(some))


def grow_bank(
    bank: Bank,
    base: LoadedBase,
    tasks: Sequence[Task],
    config: ExpertConfig,
    run: Path,
    *,
    embedder: TaskEmbedder,
    least: float = 0.0,
    pool: Pool | None = None,
    on_tick: Callable[[ExpertTick], None] | None = None,
    on_measured: Callable[[Admission], None] | None = None,
) -> Grown:
    """Train and measure group after group of `config.slots` experts, and store them. Everything finished survives a
    kill: run it again with the same `run` folder to go on. An expert that is right on less than the share `least` of
    its own task is refused too. `pool` trains and measures groups elsewhere (`genlora.jobs`); the bank is written here.

    Raises `BaseMismatchError` when `bank` is of another base, `ConfigError` when it cannot hold what would be trained,
    `BankError` when it is of another embedder, `TaskError` when no task can be used.
    """
    require_compatible(base.fingerprint, bank.fingerprint, what="the base to train on")
    _check_holds(bank, config)
    chosen, failed = usable(tasks)
    if not chosen:
        raise TaskError(
            f"none of the {len(tasks)} tasks has {MIN_EXAMPLES} held-out examples. "
            "Give tasks with about 350 examples or more."
        )
    check_embedder(bank, embedder.id)
    by_name = {t.name: t for t in chosen}
    measured = []
    groups = train_groups(
        base, chosen, config, run, stored_rank=bank.rank, measure=_measured, pool=pool, on_tick=on_tick
    )
    for trained, found in _each(groups, failed):
        task = by_name[trained.name]
        admission = Admission.from_json(found)
        if admission.admitted and admission.own < least:
            why = f"right on {admission.own:.2f} of its own task, less than {least:.2f}"
            admission = replace(admission, admitted=False, reason=why)
        measured.append(admission)
        if admission.admitted:
            bank.add(_record(task, trained, admission, config, embedder, base), trained.state, replace=True)
        log.info("expert %s: %s", task.name, admission.reason)
        if on_measured is not None:
            on_measured(admission)
    return Grown(tuple(measured), failed)


def _each(groups: Iterable[TrainedGroup], failed: dict[str, str]) -> Iterator[tuple[Trained, dict[str, Any]]]:
    """Each expert with its measurement; why others cannot be trained goes to `failed`."""
    for group in groups:
        failed.update(group.failed)
        for trained in group.experts:
            yield trained, group.measured[trained.name]


def _check_holds(bank: Bank, config: ExpertConfig) -> None:
    """Before hours of training, not at their end. What other methods than plain LoRA make is cut to the bank's rank."""
    if config.method.plain and config.rank > bank.rank:
        raise ConfigError(
            f"rank is {config.rank}, and this bank holds adapters of rank {bank.rank} at most. Train with that "
            "rank, or make a bank that holds more: genlora bank init --rank"
        )
    if odd := sorted(set(config.targets) - set(bank.targets)):
        raise ConfigError(
            f"{odd[0]} would be trained, and this bank holds {', '.join(bank.targets)} alone. Train those."
        )


def _measured(base: LoadedBase, task: Task, state: AdapterState, run: Path) -> dict[str, Any]:
    return asdict(_measure(base, task, state, run))


def _measure(base: LoadedBase, task: Task, state: AdapterState, run: Path) -> Admission:
    """`admit`, remembered in the run folder under the digest of what was measured."""
    digest = _digest(task, state)
    path = run / "measured" / f"{task.name}.json"
    if path.exists():
        found = read_json(path)
        if found.get("digest") == digest:
            return Admission.from_json(found["admission"])
    base_path = run / "measured" / f"{task.name}.base.json"
    examples = held_out(task, MAX_EXAMPLES)
    texts = read_json(base_path) if base_path.exists() else None
    key = sha256_bytes(canonical_json([e.input for e in examples]))
    if not texts or texts.get("inputs") != key:
        texts = {"inputs": key, "answers": list(answer(base, task, examples).answers)}
        atomic_write(base_path, canonical_json(texts), durable=False)
    admission = admit(base, task, state, base_answers=texts["answers"])
    atomic_write(path, canonical_json({"digest": digest, "admission": asdict(admission)}), durable=False)
    return admission


def _digest(task: Task, state: AdapterState) -> str:
    parts = [sha256_bytes(p.a.numpy().tobytes() + p.b.numpy().tobytes()) for p in state.values()]
    return sha256_bytes(canonical_json([task.name, task.metric, [e.input for e in task.split("test")], parts]))


def _record(
    task: Task, trained: Trained, admission: Admission, config: ExpertConfig, embedder: TaskEmbedder, base: LoadedBase
) -> ExpertRecord:
    p = trained.progress
    descriptions = training_texts(task)
    scheme, _, place = task.source.partition(":")
    samples = [{"input": e.input, "output": e.output} for e in held_out(task, SAMPLES) if len(e.input) <= 300]
    return ExpertRecord(
        name=task.name,
        descriptions=descriptions,
        embeddings=embedder.embed(descriptions),
        embedder=embedder.id,
        family=task.family,
        parent=task.parent,
        source=task.source,
        licence=task.licence,
        rank=config.rank if config.method.plain else max(pair.rank for pair in trained.state.values()),
        gain=admission.gain(),
        metrics={
            "metric": task.metric,
            "lenient": admission.lenient,
            "format_valid": admission.format_valid,
            "validation_accuracy": p.best_accuracy,
            "samples": samples,
            **({"method": dict(p.method)} if p.method else {}),
        },
        provenance={
            "recipe": json.loads(canonical_json(config.to_json())),
            **({} if config.method.plain else {"method": config.method.to_json()}),
            "prompt": "described" if config.described else "bare",
            "steps": p.step,
            "rows": p.rows_seen,
            "stopped": p.stopped,
            "dtype": str(next(base.model.parameters()).dtype).removeprefix("torch."),
        },
        saw=(f"BIG-bench: {place}",) if scheme == "bigbench" else (),
        base=base.layout.fingerprint,
    )

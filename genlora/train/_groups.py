"""Many experts as jobs: cut into groups that are trained in the same batches, each group here or on another machine.

Who shares a batch decides an expert's last bits, so groups are cut by the tasks' order and the slots alone: never by
who is free, or how many there are.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterState
from genlora.base import LoadedBase, SharedBase
from genlora.files import canonical_json, sha256_bytes
from genlora.jobs import FolderJob, Pool, job_digest, run_in_folder
from genlora.tasks import Task
from genlora.versions import versions

from ._config import ExpertConfig, TrainState, check_names
from ._experts import ExpertTick, ExpertTrainer, Trained
from .loop._checkpoint import load_finished

log = logging.getLogger(__name__)

Measure = Callable[[LoadedBase, Task, AdapterState, Path], dict[str, Any]]
"""(base, task, expert, run folder) -> what JSON can hold of it. Called with the model plain, where it was trained."""


@dataclass(frozen=True, eq=False)
class TrainedGroup:
    """Experts that were trained in the same batches, in the order in which they were finished."""

    experts: tuple[Trained, ...]
    measured: Mapping[str, dict[str, Any]]
    """{expert: what `measure` gave}."""
    failed: Mapping[str, str]


def cut(tasks: Sequence[Task], config: ExpertConfig) -> list[list[Task]]:
    """Groups of as many tasks as there are slots, in their order."""
    size = 1 if config.method.full else config.slots
    return [list(tasks[i : i + size]) for i in range(0, len(tasks), size)]


def train_groups(
    base: LoadedBase,
    tasks: Sequence[Task],
    config: ExpertConfig,
    run: Path,
    *,
    stored_rank: int | None = None,
    measure: Measure | None = None,
    pool: Pool | None = None,
    on_tick: Callable[[ExpertTick], None] | None = None,
) -> Iterator[TrainedGroup]:
    """Train `tasks` on `base` group by group, each as `ExpertTrainer` does; what is done in `run` is not done again.

    A pool's workers load `base` anew (`SharedBase`), train and measure; every file of the run comes back into `run`.
    With as many threads and the same kind of processor the experts are the same, bit for bit, as without a pool.

    Args:
        base: frozen.
        tasks: of names that differ.
        config: its `slots` are the size of a group.
        run: run folder (`RunFiles`).
        stored_rank: see `ExpertTrainer`.
        measure: what is measured of each expert; a function of a module, which can be sent to workers.
        pool: None for this process.
        on_tick: told of training steps in this process.

    Raises what `ExpertTrainer` and `run_in_folder` raise.
    """
    check_names(tasks)
    common = {
        "config": config.to_json(),
        "stored_rank": stored_rank,
        "measure": "" if measure is None else f"{measure.__module__}.{measure.__qualname__}",
        "base": base.layout.fingerprint,
        "dtype": str(next(base.model.parameters()).dtype),
        "versions": versions(),
    }
    groups = cut(tasks, config)
    jobs = [
        FolderJob(
            job_digest("train", {**common, "tasks": [task_digest(t) for t in group]}),
            group,
            ("run.json", *(pattern for t in group for pattern in _files_of(t.name))),
        )
        for group in groups
    ]
    ticks = None if pool is not None or on_tick is None else _Ticks(on_tick, len(tasks), config.max_rows)
    begin = partial(_begin, SharedBase(base), config, stored_rank, measure, ticks)
    for group, told in zip(groups, run_in_folder(jobs, run, begin, pool=pool), strict=True):
        if ticks is not None:
            ticks.settle(len(group), len(told["failed"]))
        experts = tuple(finished_expert(run, name) for name in told["experts"])
        yield TrainedGroup(experts, told["measured"], told["failed"])


def finished_expert(run: Path, name: str) -> Trained:
    """An expert that is finished in a run folder. Raises `TrainingError` for a damaged file."""
    state, record = load_finished(run, name)
    return Trained(name, state, TrainState(**record))


def task_digest(task: Task) -> str:
    """SHA-256 of all that a task is."""
    return sha256_bytes(canonical_json(asdict(task)))


def _files_of(name: str) -> tuple[str, ...]:
    number = "[0-9]" * 6
    return (
        *(f"{folder}/{name}.safetensors" for folder in ("slots", "done", "native")),
        f"last/{name}.{number}.safetensors",
        f"measured/{name}.json",
        f"measured/{name}.base.json",
    )


def _begin(
    base: SharedBase,
    config: ExpertConfig,
    stored_rank: int | None,
    measure: Measure | None,
    ticks: "_Ticks | None",
) -> Callable[[Sequence[Task], Path], dict[str, Any]]:
    return partial(_train, base.load(), config, stored_rank, measure, ticks)


def _train(
    base: LoadedBase,
    config: ExpertConfig,
    stored_rank: int | None,
    measure: Measure | None,
    ticks: "_Ticks | None",
    group: Sequence[Task],
    run: Path,
) -> dict[str, Any]:
    trainer = ExpertTrainer(base, group, config, run, stored_rank=stored_rank, on_tick=ticks)
    experts, measured = [], {}
    for trained in trainer.run():
        experts.append(trained.name)
        if measure is not None:
            measured[trained.name] = measure(base, trainer.tasks[trained.name], trained.state, run)
    return {"experts": experts, "measured": measured, "failed": trainer.failed}


class _Ticks:
    """A group's ticks, told as those of all groups."""

    def __init__(self, tell: Callable[[ExpertTick], None], total: int, rows: int) -> None:
        self._tell, self._total, self._rows = tell, total, rows
        self._done = self._failed = 0

    def settle(self, tasks: int, failed: int) -> None:
        """A group is over."""
        self._done += tasks - failed
        self._failed += failed

    def __call__(self, tick: ExpertTick) -> None:
        waiting = self._total - self._done - self._failed - tick.total
        later = waiting * self._rows / tick.rows_per_s if tick.rows_per_s else float("inf")
        self._tell(
            replace(
                tick,
                done=self._done + tick.done,
                failed=self._failed + tick.failed,
                total=self._total,
                eta_s=tick.eta_s + later,
            )
        )

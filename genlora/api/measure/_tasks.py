"""An evaluation's tasks as jobs: each with all methods, here or on another machine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterState
from genlora.base import SharedBase
from genlora.evaluate import Evaluation, EvaluationTick, Method, RunStore, TaskResults
from genlora.jobs import FolderJob, Pool, run_in_folder
from genlora.tasks import Task

from .._genlora import GenLora
from ._makers import BankMaker


@dataclass(frozen=True, eq=False)
class Setting:
    """What all tasks of an evaluation share; sent to a worker, it opens its bank and loads its base anew there."""

    lora: GenLora
    base: SharedBase
    identity: Mapping[str, Any]
    """Of the run folder."""
    methods: tuple[Method, ...]
    examples: int


@dataclass(frozen=True, eq=False)
class _Asked:
    task: Task
    own: AdapterState | None
    why_no_own: str


def evaluate_tasks(
    setting: Setting,
    maker: BankMaker,
    tasks: Sequence[Task],
    run: Path,
    *,
    pool: Pool | None,
    on_tick: Callable[[EvaluationTick], None] | None,
) -> Iterator[TaskResults]:
    """What the methods give on each task. What of it is done in `run` is known by the answers' own keys."""
    jobs = [
        FolderJob(
            None,
            _Asked(t, maker.own.get(t.name), maker.why_no_own.get(t.name, "it was not trained")),
            ("run.json", f"predictions/*/{t.name}/*.jsonl"),
        )
        for t in tasks
    ]
    begin = partial(_begin, setting) if pool is not None else partial(_begin_here, setting, maker, tasks, on_tick)
    store = RunStore(run, setting.identity)
    for done, (task, told) in enumerate(zip(tasks, run_in_folder(jobs, run, begin, pool=pool), strict=True), 1):
        if pool is not None and on_tick is not None:
            on_tick(EvaluationTick(done, len(tasks), task.name, float("inf")))
        yield TaskResults.from_json(task, told, store)


def _begin_here(
    setting: Setting, maker: BankMaker, tasks: Sequence[Task], on_tick: Callable[[EvaluationTick], None] | None
) -> "_Evaluating":
    return _Evaluating(setting, maker, tasks, on_tick)


def _begin(setting: Setting) -> "_Evaluating":
    return _Evaluating(setting, BankMaker(setting.lora, {}), (), None)


class _Evaluating:
    """Works on tasks, one after the other, and counts the time for all."""

    def __init__(
        self,
        setting: Setting,
        maker: BankMaker,
        tasks: Sequence[Task],
        on_tick: Callable[[EvaluationTick], None] | None,
    ) -> None:
        maker.warm(setting.methods)
        self._setting, self._maker, self._tasks, self._on_tick = setting, maker, tasks, on_tick
        self._evaluation: Evaluation | None = None

    def __call__(self, asked: _Asked, run: Path) -> dict[str, Any]:
        if asked.own is not None:
            self._maker.own = {asked.task.name: asked.own}
        self._maker.why_no_own = {asked.task.name: asked.why_no_own}
        setting = self._setting
        if self._evaluation is None:
            self._evaluation = Evaluation(
                setting.base.load(),
                self._maker,
                RunStore(run, setting.identity),
                setting.methods,
                tasks=self._tasks,
                examples=setting.examples,
                on_tick=self._on_tick,
            )
        elif self._evaluation.store.root != run:
            self._evaluation.store = RunStore(run, setting.identity)
        return self._evaluation.task(asked.task).to_json()

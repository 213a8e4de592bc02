"""A sweep's pieces as jobs: each a method at one rate from one seed, done here or on another machine."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from genlora.base import LoadedBase, SharedBase
from genlora.jobs import FolderJob, Pool, job_digest, run_in_folder
from genlora.tasks import Task
from genlora.versions import versions

from .._experts import ExpertTick
from .._groups import task_digest
from ._pieces import Outcome, Piece, SweepConfig, run_piece


def run_pieces(
    base: LoadedBase,
    tasks: Sequence[Task],
    pieces: Sequence[Piece],
    config: SweepConfig,
    folder: Path,
    *,
    pool: Pool | None = None,
    on_tick: Callable[[ExpertTick], None] | None = None,
) -> Iterator[list[Outcome]]:
    """What each piece gave, as `run_piece` does it; a pool's workers load `base` anew.

    Raises what `run_piece` and `run_in_folder` raise.
    """
    shared = {
        "tasks": [task_digest(t) for t in tasks],
        "base": base.layout.fingerprint,
        "dtype": str(next(base.model.parameters()).dtype),
        "test_rows": config.test_rows,
        "slots": config.slots,
        "versions": versions(),
    }
    jobs = [
        FolderJob(
            job_digest("piece", {**shared, "piece": p.key, "training": config.training(p).to_json()}),
            p,
            (f"pieces/{p.key}.json", f"runs/{p.key}/**/*"),
        )
        for p in pieces
    ]
    ticks = on_tick if pool is None else None
    for found in run_in_folder(jobs, folder, partial(_begin, SharedBase(base), tasks, config, ticks), pool=pool):
        yield [Outcome.from_json(o) for o in found["outcomes"]]


def _begin(
    base: SharedBase, tasks: Sequence[Task], config: SweepConfig, on_tick: Callable[[ExpertTick], None] | None
) -> Callable[[Piece, Path], dict[str, Any]]:
    return partial(_piece, base.load(), tasks, config, on_tick)


def _piece(
    base: LoadedBase,
    tasks: Sequence[Task],
    config: SweepConfig,
    on_tick: Callable[[ExpertTick], None] | None,
    piece: Piece,
    folder: Path,
) -> dict[str, Any]:
    found = run_piece(base, tasks, piece, config, folder, on_tick=on_tick)
    return {"outcomes": [o.to_json() for o in found]}

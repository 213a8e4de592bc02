"""A sweep on a base: its pieces one after the other, then tables and pictures of what is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlora.base import load_base
from genlora.errors import ConfigError
from genlora.evaluate import sweep_plot
from genlora.files import atomic_write, canonical_json
from genlora.jobs import Pool
from genlora.progress import Progress, silent
from genlora.tasks import Task
from genlora.train import (
    Entrant,
    ExpertTick,
    Piece,
    SweepConfig,
    Tables,
    begin_sweep,
    finished,
    pieces_of,
    run_pieces,
    tables,
    tables_json,
)

from .._scene import best_dtype


@dataclass(frozen=True, eq=False)
class Swept:
    """What is known so far."""

    tables: Tables
    done: int
    pieces: int
    """Of the whole sweep."""
    report: dict[str, Any]


def sweep(
    entrants: Sequence[Entrant],
    tasks: Sequence[Task],
    out: Path,
    config: SweepConfig,
    *,
    only: Callable[[Sequence[Piece]], Sequence[Piece]] = lambda pieces: pieces,
    base: str | None = None,
    device: str = "cpu",
    pool: Pool | None = None,
    on_piece: Callable[[int, int, Piece], None] = lambda done, total, piece: None,
    on_tick: Callable[[ExpertTick], None] | None = None,
    progress: Progress = silent,
) -> Swept:
    """Do all pieces that are not done, and write tables and plot to `out`.

    Args:
        entrants: methods, each with the middle of its grid.
        tasks: trained side by side in every piece.
        out: folder of the sweep: pieces, runs, `sweep.json`, `tables.json`, `sweep.png`. The same call goes on.
        config: grid and training.
        only: which of the pieces are done here: they are independent, and may be spread over machines.
        base: its source; by default the usual one.
        device: cpu, cuda or cuda:N.
        pool: does pieces elsewhere (`genlora.jobs`); their files come back into `out`.
        on_piece: told (done, total, piece) before each is done here, or after it is known to be done elsewhere.
        on_tick: told of training steps in this process.
        progress: told of downloads.

    Raises `ConfigError` for another sweep's folder or a method that this base cannot have, `TrainingError`.
    """
    if len({t.name for t in tasks}) != len(tasks) or not tasks:
        raise ConfigError("a sweep needs one task or more, each with a name of its own.")
    every = pieces_of(entrants, config)
    mine = list(only(every))
    loaded = load_base(base, device=device, dtype=best_dtype(device), attn_implementation="eager", progress=progress)
    loaded.model.requires_grad_(False)
    begin_sweep(out, loaded, tasks, config)
    if mine:
        on_piece(0, len(mine), mine[0])
    for i, _ in enumerate(run_pieces(loaded, tasks, mine, config, out, pool=pool, on_tick=on_tick), 1):
        on_piece(i, len(mine), mine[min(i, len(mine) - 1)])
    return _written(out, every)


def sweep_so_far(entrants: Sequence[Entrant], out: Path, config: SweepConfig) -> Swept:
    """The tables of what is done in `out`, written there, without a base: another process may be at it meanwhile.

    Raises `ConfigError` where nothing is done yet.
    """
    return _written(out, pieces_of(entrants, config))


def _written(out: Path, every: Sequence[Piece]) -> Swept:
    outcomes = finished(out, every)
    found = tables(outcomes)
    done = sum((out / "pieces" / f"{p.key}.json").exists() for p in every)
    report = {**tables_json(found), "pieces": {"done": done, "all": len(every)}}
    rows = [o.to_json() for o in outcomes]
    atomic_write(out / "tables.json", canonical_json(report))
    atomic_write(out / "sweep.png", sweep_plot(rows, report["best"]))
    return Swept(found, done, len(every), report)

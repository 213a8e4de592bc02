"""Training methods compared as they should be: each at its own best learning rate, over a grid of rates and seeds.

LoRAFactory (arXiv 2601.22708) finds that the rate matters more than the method: at one shared rate the ranking says
which method that rate suits. So each method has a grid of its own, the winner is chosen on validation rows, and what is
told is measured on test rows. Grids lie on one lattice, so that rates of different methods coincide where they overlap.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genlora.base import LoadedBase
from genlora.errors import ConfigError, TrainingError
from genlora.files import atomic_write, canonical_json, read_json
from genlora.runs import begin_run
from genlora.tasks import Task

from .._config import ExpertConfig
from .._experts import DIVERGED, ExpertTick, ExpertTrainer
from .._steps import StepsConfig, look, rows_of
from ..methods import MethodConfig, methods_called

ANCHOR = 2e-3
"""A point of the lattice that all grids lie on: the usual rate of an expert."""


@dataclass(frozen=True)
class Entrant:
    """A method, or several that go together, and the middle of its grid of rates."""

    name: str
    """As it was written."""
    method: MethodConfig
    centre: float = ANCHOR

    @classmethod
    def read(cls, text: str) -> "Entrant":
        """`NAME[+NAME...][:OPTION=VALUE[;...]][@RATE]`, such as lora, lora-ga:gamma=32, lora-sb+lora-xs@1e-2.

        Raises `ConfigError`.
        """
        rest, at, rate = text.strip().partition("@")
        names, _, options = rest.partition(":")
        try:
            centre = float(rate) if at else ANCHOR
        except ValueError:
            centre = -1.0
        if not 0 < centre < 1:
            raise ConfigError(f"{text[:60]!r}: the rate after @ is {rate[:20]!r}, expected a number between 0 and 1.")
        seams: dict[str, list[str]] = {"init": [], "structure": [], "rule": [], "allocate": []}
        for name in (n.strip() for n in names.split("+")):
            # Where a name is a start and a structure, both are meant: one is of little use without the other.
            for found in methods_called(name):
                seams[found.seam].append(name)
        if twice := next((seam for seam, found in seams.items() if len(found) > 1 and seam != "rule"), None):
            raise ConfigError(f"{text[:60]!r} names two of one seam: {' and '.join(seams[twice])}. Name one.")
        defaults = MethodConfig()
        method = MethodConfig(
            init=(seams["init"] or [defaults.init])[0],
            structure=(seams["structure"] or [defaults.structure])[0],
            rules=tuple(seams["rule"]) or defaults.rules,
            allocate=(seams["allocate"] or [defaults.allocate])[0],
            options=dict(_pair(part, text) for part in options.split(";") if part.strip()),
        )
        return cls(rest.strip(), method, centre)


def _pair(part: str, text: str) -> tuple[str, str]:
    key, equals, value = part.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"{text[:60]!r}: {part[:40]!r} is not OPTION=VALUE.")
    return key.strip(), value.strip()


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """The grid, and the training that all pieces share."""

    points: int = 5
    decades: float = 2.5
    seeds: tuple[int, ...] = (0,)
    rows: int = 480
    """Examples seen in each training, repeats included: all pieces take equal steps on equal rows."""
    rank: int = 8
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    slots: int = 8
    step_rows: int = 12
    """Examples of each task in one step at most: fewer make more steps of the same rows."""
    validation_rows: int = 40
    eval_every: int = 10
    """Steps between two validations."""
    test_rows: int = 100
    max_tokens: int = 144

    def __post_init__(self) -> None:
        if self.points < 1 or not self.decades > 0 or not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ConfigError(
                f"points is {self.points}, decades {self.decades}, seeds {self.seeds}; expected at least one point, "
                "more than no decade, and different seeds."
            )

    def rates(self, centre: float) -> tuple[float, ...]:
        """The grid around the lattice point nearest to `centre`, ascending."""
        step = self.decades / max(1, self.points - 1)
        middle = round(math.log10(centre / ANCHOR) / step)
        first = middle - (self.points - 1) // 2
        found = (ANCHOR * 10 ** (step * (first + i)) for i in range(self.points))
        return tuple(r for r in (float(f"{r:.4g}") for r in found) if r < 1)

    def training(self, piece: "Piece") -> ExpertConfig:
        """How one piece is trained: no early stop, so that all see equally many rows."""
        return ExpertConfig(
            rank=self.rank,
            targets=self.targets,
            slots=self.slots,
            max_rows=self.rows,
            pack_rows=self.step_rows,
            validation_rows=self.validation_rows,
            eval_every=self.eval_every,
            max_tokens=self.max_tokens,
            patience=1 << 30,
            lr=piece.rate,
            seed=piece.seed,
            method=piece.entrant.method,
        )


@dataclass(frozen=True)
class Piece:
    """One independent job: a method at one rate from one seed, on all tasks in the same batches."""

    entrant: Entrant
    rate: float
    seed: int

    @property
    def key(self) -> str:
        """Its folder's name."""
        safe = "".join(c if c.isalnum() or c in "+-." else "_" for c in self.entrant.name)
        return f"{safe}.{self.rate:.3g}.{self.seed}"


def pieces_of(entrants: Sequence[Entrant], config: SweepConfig) -> list[Piece]:
    """All jobs, in the order they are done: every method at the middle of its grid, then outwards; then the next seed.

    So a sweep that is stopped has equally many rates of all methods, but for those it was at.
    """
    if len({e.name for e in entrants}) != len(entrants):
        raise ConfigError("a method is named twice. Name each once.")
    middle = (config.points - 1) // 2
    # Of two as far from the middle the higher comes first: too low a rate wastes a short training oftener.
    outwards = sorted(range(config.points), key=lambda i: (abs(i - middle), -i))
    grids = {e.name: config.rates(e.centre) for e in entrants}
    return [
        Piece(e, grids[e.name][i], seed)
        for seed in config.seeds
        for i in outwards
        for e in entrants
        if i < len(grids[e.name])
    ]


@dataclass(frozen=True)
class Outcome:
    """What one piece gave on one task."""

    method: str
    rate: float
    seed: int
    task: str
    validation_loss: float
    """Of the best validation: what a rate is chosen by."""
    test_loss: float
    right: float
    """Share of test rows whose every answer token is the most likely one."""
    steps: int
    seconds: float
    """Of one step, this task's share."""
    numbers: int
    """That were trained."""
    losses: tuple[float, ...] = ()
    """Mean label loss of each training step, on the same rows for all methods."""
    why: str = ""
    """`diverged` where it ended by that: the best before it counts, and is infinite where there was none."""

    def to_json(self) -> dict[str, Any]:
        """As JSON, which has no infinity."""
        return {k: None if v == math.inf else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Outcome":
        """The inverse of `to_json`."""
        values: dict[str, Any] = {k: math.inf if v is None else v for k, v in found.items()}
        return cls(**{**values, "losses": tuple(values.get("losses", ()))})


def begin_sweep(folder: Path, base: LoadedBase, tasks: Sequence[Task], config: SweepConfig) -> None:
    """Write down what all pieces share, or compare with what was. Raises `ConfigError` for another sweep's folder."""
    shared = {k: v for k, v in asdict(config).items() if k not in ("points", "decades", "seeds", "slots")}
    names = {t.name: len(t.examples) for t in tasks}
    begin_run(folder, {"config": shared, "tasks": names, "fingerprint": base.layout.fingerprint}, name="sweep.json")


def run_piece(
    base: LoadedBase,
    tasks: Sequence[Task],
    piece: Piece,
    config: SweepConfig,
    folder: Path,
    *,
    on_tick: Callable[[ExpertTick], None] | None = None,
) -> list[Outcome]:
    """Do one piece, or read what it gave: it goes on after a kill, and may be done on any machine with the folder.

    A piece that diverges is an outcome, not an error. Raises `ConfigError` where a method cannot be used on this base,
    `TrainingError` where a task cannot be trained.
    """
    path = folder / "pieces" / f"{piece.key}.json"
    if path.exists():
        return [Outcome.from_json(x) for x in read_json(path)["outcomes"]]
    run, training = folder / "runs" / piece.key, config.training(piece)
    trainer = ExpertTrainer(base, tasks, training, run, compared=True, on_tick=on_tick)
    found: list[Outcome] = []
    by_name = {t.name: t for t in tasks}
    looked = StepsConfig(max_tokens=config.max_tokens)
    for trained in trainer.run():
        p = trained.progress
        rows = rows_of(base, by_name[p.name].split("test")[: config.test_rows], looked)
        test = look(base, rows, trained.state, looked)
        numbers = p.method.get("trained_numbers", trained.state.parameters)
        time = p.seconds / max(1, p.step)
        named = (piece.entrant.name, piece.rate, piece.seed, p.name)
        why = "diverged" if p.stopped == "diverged" else ""
        curve = tuple(p.train_loss)
        found.append(Outcome(*named, p.best_loss, test.loss, test.right, p.step, time, numbers, curve, why))
    for name, why in trainer.failed.items():
        if why != DIVERGED:
            raise TrainingError(f"task {name} cannot be trained: {why}")
        named = (piece.entrant.name, piece.rate, piece.seed, name)
        found.append(Outcome(*named, math.inf, math.inf, 0.0, 0, 0.0, 0, why="diverged"))
    atomic_write(path, canonical_json({"outcomes": [o.to_json() for o in found]}), durable=False)
    return found


def finished(folder: Path, pieces: Sequence[Piece]) -> list[Outcome]:
    """Outcomes of those of `pieces` that are done."""
    paths = [folder / "pieces" / f"{p.key}.json" for p in pieces]
    return [Outcome.from_json(x) for p in paths if p.exists() for x in read_json(p)["outcomes"]]


def only_part(pieces: Sequence[Piece], part: str) -> list[Piece]:
    """Of `I/N`, the I-th of N equal shares. Raises `ConfigError`."""
    first, slash, second = part.partition("/")
    if not slash or not first.isdigit() or not second.isdigit() or not 1 <= int(first) <= int(second):
        raise ConfigError(f"part is {part[:20]!r}, expected I/N with I from 1 to N, such as 1/4.")
    return list(pieces[int(first) - 1 :: int(second)])


def with_seeds(config: SweepConfig, text: str) -> SweepConfig:
    """`config` with the seeds of `0,1,2`. Raises `ConfigError`."""
    parts = [p.strip() for p in text.split(",") if p.strip()]
    if not parts or not all(p.isdigit() for p in parts):
        raise ConfigError(f"seeds are {text[:40]!r}, expected whole numbers with commas, such as 0,1,2.")
    return replace(config, seeds=tuple(map(int, parts)))

"""Two-phase QLoRA, as StudyAbroadGPT trains (repository codermillat/StudyAbroadGPT): a second phase at half the rate
goes on from the first phase's adapter, bit for bit, with a fresh optimiser.

The base may be quantised to 4 bits: only the adapter trains. What is left out of the original: its 8-bit Adam (moments
are float32 here; an adapter has few) and gradient checkpointing (rows are short and packed).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from genlora.adapter import AdapterState, LoraPair, read_record, record_bytes
from genlora.base import LoadedBase
from genlora.errors import ManifestError, TrainingError
from genlora.files import atomic_write
from genlora.runs import begin_run
from genlora.tasks import Example

from .._steps import Stepped, StepsConfig, look, rows_of, train_steps
from ._trackers import Tracker

KEY = "phase"
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_SHARED: dict[str, Any] = {"rank": 16, "scale": 2.0, "targets": TARGETS, "max_tokens": 512}


@dataclass(frozen=True, kw_only=True)
class TwoPhaseConfig:
    """Both phases. The defaults are the repository's: rank 16, alpha 32, all seven projections."""

    first: StepsConfig = field(default_factory=lambda: StepsConfig(steps=284, lr=2e-4, pack_rows=2, **_SHARED))
    second: StepsConfig = field(
        default_factory=lambda: StepsConfig(steps=284, lr=1e-4, pack_rows=2, accumulate=8, seed=1, **_SHARED)
    )
    every: int = 20
    """Steps between two checkpoints."""

    def to_json(self) -> dict[str, Any]:
        """All of it, for the run's record."""
        return {"first": asdict(self.first), "second": asdict(self.second)}


@dataclass(frozen=True, eq=False)
class TwoPhase:
    """The adapter after the second phase, the first one's, and how both went."""

    state: AdapterState
    first: AdapterState
    report: dict[str, Any]
    """Losses on held-out rows before, between and after; training losses, rows and steps of each phase."""


def two_phase(
    base: LoadedBase,
    train: Sequence[Example],
    held: Sequence[Example],
    config: TwoPhaseConfig,
    run: Path,
    *,
    description: str | None = None,
    tracker: Tracker | None = None,
    on_step: Callable[[int, int, int, float], None] = lambda phase, step, steps, loss: None,
) -> TwoPhase:
    """Train both phases; the same call goes on after a kill, from the last checkpoint of either phase.

    Args:
        base: loaded, in whatever form; left as it was.
        train: rows of both phases.
        held: rows that only losses are told of.
        config: both phases.
        run: folder for checkpoints and the first phase's adapter.
        description: put before each input; None for the input alone.
        tracker: told losses by step, over both phases.
        on_step: told (phase 1 or 2, steps done, steps of the phase, loss).

    Raises `ConfigError` for a run folder of another recipe, `TrainingError` where a loss is not finite or the second
    phase does not begin where the first ended.
    """
    begin_run(run, {"recipe": "two-phase", "config": config.to_json(), "fingerprint": base.layout.fingerprint})
    rows, shown = rows_of(base, train, config.first, description), rows_of(base, held, config.first, description)
    before = look(base, shown, None, config.first)

    def phase(number: int, settings: StepsConfig, start: AdapterState | None, offset: int) -> Stepped:
        def told(step: int, loss: float) -> None:
            if tracker is not None:
                tracker.log({"loss": loss, "phase": number, "lr": settings.rate(step - 1)}, offset + step)
            on_step(number, step, settings.steps, loss)

        checkpoint = run / f"phase-{number}.checkpoint.safetensors"
        return train_steps(base, rows, settings, start=start, checkpoint=checkpoint, every=config.every, on_step=told)

    ended = phase(1, config.first, None, 0)
    path = run / "phase-1.safetensors"
    if not path.exists():
        write_phase(path, ended.state)
    first = read_phase(path)
    if not _same(first, ended.state):
        raise TrainingError(f"{path}: is not what the first phase ended with. Delete the run folder to begin anew.")
    between, begun = look(base, shown, ended.state, config.first), look(base, shown, first, config.second)
    done = phase(2, config.second, first, config.first.steps)
    after = look(base, shown, done.state, config.second)
    if tracker is not None:
        tracker.log({"held_out": after.loss}, config.first.steps + config.second.steps)
    drop = 1 - after.loss / before.loss if before.loss > 0 else 0.0
    report = {
        "held_out": {
            "rows": before.rows,
            "loss": {"base": before.loss, "phase_1": between.loss, "phase_2_begins": begun.loss, "phase_2": after.loss},
            "right": {"base": before.right, "phase_1": between.right, "phase_2": after.right},
            "drop": drop,
        },
        "phases": [_told(config.first, ended), _told(config.second, done)],
    }
    return TwoPhase(done.state, first, report)


def write_phase(path: Path, state: AdapterState) -> None:
    """An adapter as it trained, its scale beside its factors: nothing is folded, so nothing is rounded."""
    tensors = {f"{p}.{x}": getattr(q, x) for p, q in state.items() for x in ("a", "b")}
    atomic_write(path, record_bytes(tensors, {"scales": {p: q.scale for p, q in state.items()}}, key=KEY))


def read_phase(path: Path) -> AdapterState:
    """The inverse of `write_phase`, bit for bit. Raises `TrainingError`."""
    try:
        tensors, record = read_record(path.read_bytes(), where=str(path), key=KEY)
        return AdapterState(
            {p: LoraPair(tensors[f"{p}.a"], tensors[f"{p}.b"], float(s)) for p, s in record["scales"].items()}
        )
    except (ManifestError, KeyError, TypeError, ValueError, AttributeError) as err:
        raise TrainingError(f"{path}: not a phase's adapter ({err}). Delete the run folder to begin anew.") from err


def _same(one: AdapterState, two: AdapterState) -> bool:
    return one.keys() == two.keys() and all(
        torch.equal(one[p].a, two[p].a) and torch.equal(one[p].b, two[p].b) and one[p].scale == two[p].scale
        for p in one
    )


def _told(settings: StepsConfig, done: Stepped) -> dict[str, Any]:
    return {
        "steps": settings.steps,
        "lr": settings.lr,
        "rows": done.rows,
        "tokens": done.tokens,
        "loss": [done.losses[0], done.losses[-1]],
    }

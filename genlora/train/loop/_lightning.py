"""Fitting generators on Lightning Fabric: CPU or GPU, one device or several (DDP), resumable to the bit after a kill.

A fit is a `Fittable`: an `nn.Module` that gives the losses of a numbered step. What a step draws depends on the seed
and the step's number alone, so a run that was killed and goes on ends with the weights of one that was not.

    RUN/config.json              what the run agrees on; another config is refused
    RUN/checkpoint.safetensors   step, weights that train, optimiser, schedule, run_state (see `_checkpoint_io`)
    RUN/logs/attempt-N/          metrics.csv, and events for TensorBoard
"""

import hashlib
import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from genlora.errors import ConfigError, TrainingError
from genlora.extras import require_extra
from genlora.runs import begin_run

from ._checkpoint_io import RunState, read_checkpoint, restore, trained_state, write_state
from ._pace import Pace

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.loggers.logger import Logger

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Step:
    """What the losses of one step may depend on."""

    index: int
    """Number of this optimiser step, from 0."""
    rng: torch.Generator
    """Seeded by the run's seed, the step and the rank; the global generator is seeded alike, for dropout."""
    rank: int = 0
    """Which process this is: each takes its own share of the batch, gradients are averaged."""
    world: int = 1
    """How many processes there are."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


@runtime_checkable
class Fittable(Protocol):
    """What `fit` trains: an `nn.Module` with these two methods. Parameters that do not train are not saved.

    Three more methods are used where a module has them: `validate() -> Mapping[str, float]`, and those of `RunState`.
    """

    def losses(self, step: Step) -> Mapping[str, Tensor]:
        """Named scalars of this step; the one called `loss` is descended, all are logged."""
        ...

    def optimizers(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler | None]:
        """The optimiser, and a schedule that is stepped once per step, for a run of `steps`."""
        ...


@dataclass(frozen=True)
class FitTick:
    """What a progress display needs."""

    step: int
    steps: int
    losses: Mapping[str, float]
    steps_per_s: float

    @property
    def eta_s(self) -> float:
        return (self.steps - self.step) / self.steps_per_s if self.steps_per_s > 0 else float("inf")


@dataclass(frozen=True)
class Fitted:
    """How a fit ended."""

    steps: int
    """How many the run has behind it: fewer than were asked for where the minutes were up."""
    rank: int
    """0 in the process that should write results; the others must stay quiet."""
    resumed_from: int
    """The step this attempt began at."""
    losses: Mapping[str, float]
    """Those of the last step that was run here; empty if nothing was left to do."""


def derived_seed(*parts: object) -> int:
    """A 63-bit seed from any values, the same on every machine."""
    return int.from_bytes(hashlib.sha256(json.dumps([str(p) for p in parts]).encode()).digest()[:8], "little") >> 1


def fit(
    module: nn.Module,
    *,
    run: Path,
    steps: int,
    config: Mapping[str, Any],
    seed: int = 0,
    device: str = "cpu",
    devices: int = 1,
    every_checkpoint: int = 200,
    every_validation: int = 0,
    clip: float | None = 1.0,
    every_log: int = 10,
    minutes: float | None = None,
    cool_down: float = 0.0,
    on_tick: Callable[[FitTick], None] | None = None,
) -> Fitted:
    """Train `module` (a `Fittable`) in place for `steps` steps, going on where `run` left off.

    Args:
        module: also asked for `validate() -> Mapping[str, float]` every `every_validation` steps, where it has one.
        run: folder of this run; made if need be.
        steps: optimiser steps in all, also after a restart.
        config: JSON; written to `run`, and another one than the run was begun with is refused.
        seed: of everything that is drawn while training; the caller seeds the module's own start.
        device: cpu, cuda or cuda:N.
        devices: processes. With more than one, Fabric starts the program again for each of them (unless torchrun
            did), so everything before this call runs in each; only rank 0 may write or print afterwards.
        every_checkpoint: steps between two checkpoints; the last step has one too.
        every_validation: steps between two validations; 0 for none.
        clip: largest gradient norm; None for no limit.
        every_log: steps between two lines of the logs.
        minutes: of this call, after which it ends before its last step; None for no limit.
        cool_down: last share of the steps, and of the minutes, in which the learning rate falls linearly to zero. What
            the clock cools down is not kept in the run: called again, it goes on from before, at the full rate.
        on_tick: told after every step, in the process of rank 0.

    Raises `TrainingError` (a damaged checkpoint, a loss or gradient that is not finite), `ConfigError` (another config,
    too), `MissingExtraError` without Fabric.
    """
    if steps < 1 or devices < 1 or every_checkpoint < 1:
        raise ConfigError(
            f"steps is {steps}, devices {devices}, checkpoints every {every_checkpoint}; expected at least 1 of each."
        )
    if not isinstance(module, nn.Module) or not isinstance(module, Fittable):
        raise ConfigError(
            f"{type(module).__name__} cannot be fitted; expected an nn.Module with losses and optimizers."
        )
    pace = Pace(steps=steps, minutes=minutes, cool_down=cool_down)
    agreed = {"config": dict(config), "seed": seed, "steps": steps, "devices": devices}
    if cool_down and minutes is None:
        agreed["cool_down"] = cool_down
    begin_run(run, agreed, name="config.json")
    path = run / CHECKPOINT
    begun = read_checkpoint(path)
    first = 0 if begun is None else begun["step"]
    if begun is not None and first >= steps:  # a finished run's weights are loaded without a device
        restore(module, begun, path)
        return Fitted(steps, int(os.environ.get("LOCAL_RANK", 0)), steps, {})
    fabric = _fabric(device, devices)
    try:
        loop = _Loop(fabric, module, steps, seed, clip, path)
        if begun is not None:
            loop.restore(begun)
        logs = _Logs(run) if fabric.is_global_zero else None
        try:
            done, last = _run(loop, first, pace, logs, every_checkpoint, every_validation, every_log, on_tick)
        finally:
            if logs is not None:
                logs.close()
    finally:
        module.cpu()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return Fitted(done, fabric.global_rank, first, last)


def _run(
    loop: "_Loop",
    first: int,
    pace: Pace,
    logs: "_Logs | None",
    every_checkpoint: int,
    every_validation: int,
    every_log: int,
    on_tick: Callable[[FitTick], None] | None,
) -> tuple[int, dict[str, float]]:
    """Steps until the pace ends, with what is due after each; how many there are now, and the figures of the last.

    `logs` is of rank 0 alone.
    """
    validate = getattr(loop.module, "validate", None)
    last: dict[str, float] = {}
    marks = [(time.perf_counter(), first)]
    done, spent, kept = first, 0.0, True
    while not pace.ends(done, spent):
        last = {k: float(v) for k, v in loop.step(done, pace.rate(done, spent)).items()}
        done += 1
        spent = loop.agreed(pace.spent()) if pace.minutes is not None else 0.0
        ends = pace.ends(done, spent)
        due = last if done % every_log == 0 else {}
        if validate is not None and every_validation and (done % every_validation == 0 or ends):
            with torch.no_grad():
                found = {f"validation/{k}": float(v) for k, v in validate().items()}
            last, due = last | found, due | found
        if logs is None:
            continue
        if due:
            logs.add(due, done)
        cools = pace.by_clock(spent)
        if kept and (done % every_checkpoint == 0 or ends or cools):
            write_state(loop.path, loop.state(done))
        kept = not cools
        if on_tick is not None:
            marks = [*marks[-49:], (time.perf_counter(), done)]
            (t0, s0), (t1, s1) = marks[0], marks[-1]
            on_tick(FitTick(done, pace.steps, last, (s1 - s0) / max(t1 - t0, 1e-9)))
    return done, last


class _Losses(nn.Module):
    """A module whose `forward` gives its losses: where several processes average gradients, they hang on `forward`."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, step: Step) -> Mapping[str, Tensor]:
        assert isinstance(self.module, Fittable)
        return self.module.losses(step)


class _Loop:
    """A module on its device with optimiser and schedule, one step at a time."""

    def __init__(
        self, fabric: "Fabric", module: nn.Module, steps: int, seed: int, clip: float | None, path: Path
    ) -> None:
        self.fabric, self.module, self.seed, self.clip, self.path = fabric, module, seed, clip, path
        assert isinstance(module, Fittable)
        with _quiet():
            self.losses = fabric.setup_module(_Losses(module))
        self.optimizer, self.schedule = module.optimizers(steps)
        stepper = fabric.setup_optimizers(self.optimizer)
        assert not isinstance(stepper, tuple)  # one optimiser in, one out
        self.stepper = stepper

    @torch.enable_grad()
    def step(self, index: int, rate: float = 1.0) -> dict[str, Tensor]:
        """One optimiser step with the schedule's learning rate times `rate`; its losses, detached.

        What is drawn depends on the seed, the step and the rank alone.
        """
        fabric = self.fabric
        drawn = derived_seed(self.seed, index, fabric.global_rank)
        rng = torch.Generator().manual_seed(drawn)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(drawn)
            found = self.losses(Step(index, rng, fabric.global_rank, fabric.world_size, fabric.device))
        _check_finite(found["loss"], index, "loss")
        self.stepper.zero_grad()
        fabric.backward(found["loss"])
        if self.clip is not None:
            norm = fabric.clip_gradients(self.losses, self.stepper, max_norm=self.clip, error_if_nonfinite=False)
            _check_finite(norm, index, "gradient's norm")
        scheduled = [group["lr"] for group in self.optimizer.param_groups]
        for group in self.optimizer.param_groups:
            group["lr"] *= rate
        self.stepper.step()
        for group, lr in zip(self.optimizer.param_groups, scheduled, strict=True):
            group["lr"] = lr
        if self.schedule is not None:
            self.schedule.step()
        return {k: v.detach() for k, v in found.items()}

    def agreed(self, value: float) -> float:
        """The value that the process of rank 0 has: clocks differ, and all must take the same number of steps."""
        return self.fabric.broadcast(value)

    def state(self, step: int) -> dict[str, Any]:
        """What a checkpoint holds after `step` steps."""
        return {
            "step": step,
            "weights": trained_state(self.module),
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "run_state": self.module.run_state() if isinstance(self.module, RunState) else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`. Raises `TrainingError`."""
        restore(self.module, state, self.path)
        try:
            self.optimizer.load_state_dict(state["optimizer"])
            if self.schedule is not None:
                self.schedule.load_state_dict(state["schedule"])
        except (KeyError, TypeError, ValueError) as err:
            raise TrainingError(
                f"{self.path}: its optimiser does not fit the module's ({err!r}). It belongs to another configuration; "
                "use a new run folder."
            ) from err


def _check_finite(value: Tensor | None, index: int, what: str) -> None:
    if value is not None and not torch.isfinite(value):
        raise TrainingError(
            f"step {index}: the {what} is {float(value.detach())}, expected a finite number. "
            "Lower the learning rate; the last checkpoint is kept."
        )


class _Logs:
    """CSV and TensorBoard, in a folder of their own per attempt: the CSV logger clears the folder it finds."""

    def __init__(self, run: Path) -> None:
        from lightning_fabric.loggers.csv_logs import CSVLogger
        from lightning_fabric.loggers.tensorboard import TensorBoardLogger

        name = f"attempt-{len(list((run / 'logs').glob('attempt-*')))}"
        self.loggers: list[Logger] = [CSVLogger(str(run), name="logs", version=name, flush_logs_every_n_steps=1)]
        try:
            self.loggers.append(TensorBoardLogger(str(run), name="logs", version=name))
        except ModuleNotFoundError:
            log.info("no TensorBoard logs: pip install 'genlora[train]'")

    def add(self, figures: Mapping[str, float], step: int) -> None:
        for logger in self.loggers:
            logger.log_metrics(dict(figures), step)

    def close(self) -> None:
        for logger in self.loggers:
            logger.finalize("")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Fabric's tips and device notices from the terminal; what it raises still arrives."""
    logger = logging.getLogger("lightning_fabric")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _fabric(device: str, devices: int) -> "Fabric":
    """Fabric on the device asked for, its processes started. Raises `ConfigError`, `MissingExtraError`."""
    kind, _, index = device.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdigit()):
        raise ConfigError(f"device {device[:40]!r} is not known; expected cpu, cuda or cuda:N.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {device!r} is not usable: torch sees no CUDA device here. Use --device cpu.")
    if kind == "cuda" and devices > torch.cuda.device_count():
        raise ConfigError(
            f"--devices {devices}, but there are {torch.cuda.device_count()} CUDA devices. Ask for fewer."
        )
    require_extra("train", "lightning_fabric", what="training a generator")
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    with _quiet():
        if devices > 1:
            strategy = DDPStrategy(process_group_backend="nccl" if kind == "cuda" else "gloo")
            fabric = Fabric(accelerator=kind, devices=devices, strategy=strategy)
        else:
            fabric = Fabric(accelerator=kind, devices=[int(index or 0)] if kind == "cuda" else 1)
        fabric.launch()
    return fabric

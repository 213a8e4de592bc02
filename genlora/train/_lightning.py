"""Fitting generators on Lightning: CPU or GPU, one device or several (DDP), resumable to the bit after a kill.

A fit is a `Fittable`: an `nn.Module` that gives the losses of a numbered step. What a step draws depends on the seed
and the step's number alone, so a run that was killed and goes on ends with the weights of one that was not.

    RUN/config.json              what the run agrees on; another config is refused
    RUN/checkpoint.safetensors   weights that train, optimiser, schedule, step (see `_checkpoint_io`)
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
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from genlora.errors import ConfigError, MissingExtraError, TrainingError
from genlora.runs import begin_run

from ._checkpoint_io import read_state, write_state

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.safetensors"

_CHATTY = ("lightning", "lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero")


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

    Three more methods are used where a module has them: `validate() -> Mapping[str, float]`; `run_state() -> dict` of
    numbers, text and tensors to keep in checkpoints beside the weights (counts, the best weights so far), and
    `load_run_state(state)`, its inverse.
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
    module: Any,
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
        devices: processes. With more than one, Lightning starts the program again for each of them (unless torchrun
            did), so everything before this call runs in each; only rank 0 may write or print afterwards.
        every_checkpoint: steps between two checkpoints; the last step has one too.
        every_validation: steps between two validations; 0 for none.
        clip: largest gradient norm; None for no limit.
        every_log: steps between two lines of the logs.
        on_tick: told after every step, in the process of rank 0.

    Raises `TrainingError` (a damaged checkpoint, a loss that is not finite), `ConfigError` (another config, too),
    `MissingExtraError` without Lightning.
    """
    if steps < 1 or devices < 1 or every_checkpoint < 1:
        raise ConfigError(
            f"steps is {steps}, devices {devices}, checkpoints every {every_checkpoint}; expected at least 1 of each."
        )
    if not isinstance(module, torch.nn.Module) or not isinstance(module, Fittable):
        raise ConfigError(
            f"{type(module).__name__} cannot be fitted; expected an nn.Module with losses and optimizers."
        )
    begin_run(run, {"config": dict(config), "seed": seed, "steps": steps, "devices": devices}, name="config.json")
    path = run / CHECKPOINT
    begun = _restore_finished(module, path, steps)
    if begun == steps:
        return Fitted(steps, int(os.environ.get("LOCAL_RANK", 0)), steps, {})
    with _quiet():
        lightning = _lightning()
        wrapped = _wrap(lightning, module, path, steps, seed)
        watcher = _watcher(lightning, path, every_checkpoint, every_validation, on_tick)
        trainer = lightning.Trainer(
            **_machine(device, devices, lightning),
            max_steps=steps,
            max_epochs=-1,
            logger=_loggers(run),
            log_every_n_steps=every_log,
            callbacks=[watcher],
            plugins=[_checkpoint_io(lightning)],
            gradient_clip_val=clip,
            use_distributed_sampler=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=0,
        )
        _run(trainer, wrapped, path if begun is not None else None)
    return Fitted(trainer.global_step, trainer.global_rank, begun or 0, dict(watcher.last))


def _lightning() -> Any:
    try:
        import lightning.pytorch as lightning
    except ImportError as err:
        raise MissingExtraError("training a generator needs Lightning: pip install 'genlora[train]'") from err
    return lightning


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's tips and device notices from the terminal; what it raises still arrives."""
    before = {name: logging.getLogger(name).level for name in _CHATTY}
    try:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _restore_finished(module: torch.nn.Module, path: Path, steps: int) -> int | None:
    """The step of the checkpoint, None without one; a finished run's weights are loaded here, without a trainer."""
    if not path.exists():
        return None
    state = read_state(path)
    try:
        step = int(state["global_step"])
        if step >= steps:
            _restore(module, state, path)
    except (KeyError, TypeError, ValueError) as err:
        raise TrainingError(f"{path}: holds no training state ({err!r}). Delete it; the run then begins anew.") from err
    return min(step, steps)


def _restore(module: Any, checkpoint: Mapping[str, Any], path: Path) -> None:
    """The checkpoint's weights, and what the module itself asked to keep, back into the module."""
    _load_weights(module, {k.removeprefix("module."): v for k, v in checkpoint["state_dict"].items()}, path)
    if "run_state" in checkpoint and hasattr(module, "load_run_state"):
        module.load_run_state(checkpoint["run_state"])


def _load_weights(module: torch.nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    wanted = {k: tuple(v.shape) for k, v in trained_state(module).items()}
    found = {k: tuple(v.shape) for k, v in weights.items()}
    if wanted != found:
        odd = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        raise TrainingError(
            f"{path}: its weights do not fit the model: {odd[0]} is {found.get(odd[0])}, expected {wanted.get(odd[0])} "
            f"({len(odd)} differ). It belongs to another configuration; use a new run folder."
        )
    module.load_state_dict(dict(weights), strict=False)


def trained_state(module: torch.nn.Module) -> dict[str, Tensor]:
    """Parameters that train, and persistent buffers of the modules that own such parameters, by name."""
    frozen = {name for name, p in module.named_parameters(remove_duplicate=False) if not p.requires_grad}
    alive = {name.rpartition(".")[0] for name, p in module.named_parameters() if p.requires_grad}
    buffers = {name for name, _ in module.named_buffers(remove_duplicate=False)}
    return {
        name: value
        for name, value in module.state_dict().items()
        if name not in frozen and (name not in buffers or name.rpartition(".")[0] in alive)
    }


def _checkpoint_io(lightning: Any) -> Any:
    from lightning.fabric.plugins import CheckpointIO

    class SafeCheckpoints(CheckpointIO):
        """Lightning's checkpoints as safetensors and JSON: atomic to write, nothing unpickled on reading."""

        def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
            write_state(Path(path), checkpoint)

        def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: Any = None) -> Any:
            return read_state(Path(path))

        def remove_checkpoint(self, path: Any) -> None:
            Path(path).unlink(missing_ok=True)

    return SafeCheckpoints()


def _machine(device: str, devices: int, lightning: Any) -> dict[str, Any]:
    kind, _, index = device.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdigit()):
        raise ConfigError(f"device {device[:40]!r} is not known; expected cpu, cuda or cuda:N.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {device!r} is not usable: torch sees no CUDA device here. Use --device cpu.")
    if kind == "cuda" and devices > torch.cuda.device_count():
        raise ConfigError(
            f"--devices {devices}, but there are {torch.cuda.device_count()} CUDA devices. Ask for fewer."
        )
    if devices > 1:
        from lightning.pytorch.strategies import DDPStrategy

        strategy: Any = DDPStrategy(process_group_backend="nccl" if kind == "cuda" else "gloo")
        return {"accelerator": "gpu" if kind == "cuda" else "cpu", "devices": devices, "strategy": strategy}
    if kind == "cuda":
        return {"accelerator": "gpu", "devices": [int(index or 0)]}
    return {"accelerator": "cpu", "devices": 1}


def _loggers(run: Path) -> list[Any]:
    """CSV and TensorBoard, in a folder of their own per attempt: Lightning's CSV logger clears the folder it finds."""
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    logs = run / "logs"
    rank = int(os.environ.get("LOCAL_RANK", 0))
    n = len(list(logs.glob("attempt-*"))) if logs.is_dir() else 0
    name = f"attempt-{n if rank == 0 else max(n - 1, 0)}"
    made: list[Any] = [CSVLogger(str(run), name="logs", version=name, flush_logs_every_n_steps=10)]
    try:
        made.append(TensorBoardLogger(str(run), name="logs", version=name))
    except ModuleNotFoundError:
        log.info("no TensorBoard logs: pip install 'genlora[train]'")
    return made


def _wrap(lightning: Any, module: torch.nn.Module, path: Path, steps: int, seed: int) -> Any:
    class Wrapped(lightning.LightningModule):
        """One optimiser step per item of an endless stream: the step's number says what is in it."""

        def __init__(self) -> None:
            super().__init__()
            self.module = module
            self.last: dict[str, Tensor] = {}

        def training_step(self, _item: Any, _index: int) -> Tensor:
            trainer = self.trainer
            drawn = derived_seed(seed, trainer.global_step, trainer.global_rank)
            rng = torch.Generator().manual_seed(drawn)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(drawn)
                step = Step(trainer.global_step, rng, trainer.global_rank, trainer.world_size, self.device)
                found = self.module.losses(step)  # pyright: ignore[reportCallIssue]
            if not torch.isfinite(found["loss"]):
                value = float(found["loss"].detach())
                raise TrainingError(
                    f"step {trainer.global_step}: the loss is {value}, expected a finite number. "
                    "Lower the learning rate; the last checkpoint is kept."
                )
            self.last = {k: v.detach() for k, v in found.items()}
            if (trainer.global_step + 1) % trainer.log_every_n_steps == 0:  # log_dict costs more than a small step
                self.log_dict(self.last)
            return found["loss"]

        def configure_optimizers(self) -> Any:
            optimizer, schedule = self.module.optimizers(steps)  # pyright: ignore[reportCallIssue]
            if schedule is None:
                return optimizer
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

        def train_dataloader(self) -> Any:
            return _Endless()

        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            checkpoint["state_dict"] = {f"module.{k}": v for k, v in trained_state(self.module).items()}
            if hasattr(self.module, "run_state"):
                checkpoint["run_state"] = self.module.run_state()  # pyright: ignore[reportCallIssue]

        def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            self.strict_loading = False  # what is frozen is not in the file; what trains was checked
            _restore(self.module, checkpoint, path)

    return Wrapped()


class _Endless:
    """An iterable without end or content."""

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 0


def _watcher(
    lightning: Any, path: Path, every: int, every_validation: int, on_tick: Callable[[FitTick], None] | None
) -> Any:
    class Watcher(lightning.Callback):
        """Checkpoints, validations and progress after each step."""

        def __init__(self) -> None:
            self.last: dict[str, float] = {}
            self._marks: list[tuple[float, int]] = []

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            self._marks = [(time.perf_counter(), trainer.global_step)]

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            step = trainer.global_step
            self.last = {k: float(v) for k, v in pl_module.last.items()}
            validate = getattr(pl_module.module, "validate", None)
            if (
                every_validation
                and validate is not None
                and (step % every_validation == 0 or step == trainer.max_steps)
            ):
                with torch.no_grad():
                    found = {f"validation/{k}": float(v) for k, v in validate().items()}
                for logger in trainer.loggers:
                    logger.log_metrics(found, step)
                self.last |= found
            if step % every == 0 or step == trainer.max_steps:
                trainer.save_checkpoint(path, weights_only=False)
            if on_tick is not None and trainer.is_global_zero:
                self._marks = [*self._marks[-49:], (time.perf_counter(), step)]
                (t0, s0), (t1, s1) = self._marks[0], self._marks[-1]
                on_tick(FitTick(step, trainer.max_steps, self.last, (s1 - s0) / max(t1 - t0, 1e-9)))

    return Watcher()


def _run(trainer: Any, wrapped: Any, checkpoint: Path | None) -> None:
    try:
        trainer.fit(wrapped, ckpt_path=None if checkpoint is None else str(checkpoint))
    except SystemExit as err:  # Lightning turns Ctrl-C into exit(1)
        if trainer.interrupted:
            raise KeyboardInterrupt from err
        raise
    finally:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

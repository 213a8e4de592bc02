"""Where a recipe's figures go while it runs: files, TensorBoard, Weights & Biases."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from genlora.errors import ConfigError
from genlora.extras import require_extra

TRACKERS = ("none", "csv", "tensorboard", "wandb")


class Tracker(Protocol):
    """Somewhere that figures go: the callback of a recipe."""

    def log(self, figures: Mapping[str, float], step: int) -> None: ...

    def close(self) -> None: ...


class _Nowhere:
    def log(self, figures: Mapping[str, float], step: int) -> None:
        pass

    def close(self) -> None:
        pass


class _Fabric:
    """One of Lightning Fabric's loggers."""

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def log(self, figures: Mapping[str, float], step: int) -> None:
        self.logger.log_metrics(dict(figures), step)

    def close(self) -> None:
        self.logger.finalize("success")


class _Wandb:
    """A run of Weights & Biases; who wants no account sets WANDB_MODE=offline."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        import wandb  # pyright: ignore[reportMissingImports]

        self.run = wandb.init(project="genlora", dir=str(folder), config=dict(config))

    def log(self, figures: Mapping[str, float], step: int) -> None:
        self.run.log(dict(figures), step=step)

    def close(self) -> None:
        self.run.finish()


def tracker_named(name: str, folder: Path, config: Mapping[str, Any]) -> Tracker:
    """The tracker of that name (`TRACKERS`), which writes below `folder`.

    Raises `ConfigError` for an unknown name, `MissingExtraError` where its package is missing.
    """
    match name:
        case "none":
            return _Nowhere()
        case "csv" | "tensorboard":
            packages = ("lightning_fabric", "tensorboardX") if name == "tensorboard" else ("lightning_fabric",)
            require_extra("train", *packages, what=f"--tracker {name}")
            # Every attempt has a folder of its own: the CSV logger clears the one it finds.
            version = f"attempt-{len(list(folder.glob('logs/attempt-*')))}"
            if name == "csv":
                from lightning_fabric.loggers.csv_logs import CSVLogger

                return _Fabric(CSVLogger(str(folder), name="logs", version=version, flush_logs_every_n_steps=1))
            from lightning_fabric.loggers.tensorboard import TensorBoardLogger

            return _Fabric(TensorBoardLogger(str(folder), name="logs", version=version))
        case "wandb":
            require_extra("wandb", "wandb", what="--tracker wandb")
            return _Wandb(folder, config)
    raise ConfigError(f"no tracker {name[:40]!r}; choose from {', '.join(TRACKERS)}.")

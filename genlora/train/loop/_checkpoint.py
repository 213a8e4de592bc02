"""A training run's folder: one safetensors file per expert, its JSON state inside, each written whole or not at all.

run.json              what the run agrees on (config, base fingerprint)
slots/NAME.safetensors   half-done: factors, moments, best factors so far, progress
done/NAME.safetensors    finished: the expert's factors and its history
native/NAME.safetensors  what was trained, of an expert that storing it as a plain LoRA takes much of
last/NAME.STEP.safetensors   factors at one of the last validations, where the run keeps them
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from genlora.adapter import AdapterState, LoraPair, read_record, record_bytes
from genlora.errors import ManifestError, TrainingError
from genlora.files import atomic_write, storage_errors
from genlora.runs import begin_run

RECORD = "record"
"""Where a run's files keep their JSON."""


class RunFiles:
    """Reads and writes a run folder. Raises `ConfigError` when the folder belongs to another run, `TrainingError` for
    a damaged file.
    """

    def __init__(self, root: Path, identity: dict[str, Any]) -> None:
        self.root = root
        self.slots = root / "slots"
        self.done = root / "done"
        begin_run(root, identity)
        with storage_errors(root):
            self.slots.mkdir(parents=True, exist_ok=True)
            self.done.mkdir(parents=True, exist_ok=True)

    def done_names(self) -> set[str]:
        return {p.stem for p in self.done.glob("*.safetensors")}

    def has_slot(self, name: str) -> bool:
        return (self.slots / f"{name}.safetensors").exists()

    def save_slot(
        self, name: str, now: dict[str, Tensor], best: dict[str, Tensor] | None, record: dict[str, Any]
    ) -> None:
        tensors = {f"now.{k}": v for k, v in now.items()}
        tensors |= {f"best.{k}": v for k, v in (best or {}).items() if not k.startswith(("m", "v"))}
        self._write(self.slots / f"{name}.safetensors", tensors, record)

    def load_slot(self, name: str) -> tuple[dict[str, Tensor], dict[str, Tensor] | None, dict[str, Any]] | None:
        path = self.slots / f"{name}.safetensors"
        if not path.exists():
            return None
        tensors, record = self._read(path)
        now = {k[4:]: v for k, v in tensors.items() if k.startswith("now.")}
        best = {k[5:]: v for k, v in tensors.items() if k.startswith("best.")}
        return now, best or None, record

    def save_checkpoint(self, name: str, step: int, state: AdapterState, *, keep: int) -> None:
        """Keep an expert's factors at a validation, and drop all but its last `keep`."""
        folder = self.root / "last"
        self._write(folder / f"{name}.{step:06d}.safetensors", _tensors(state), {"step": step})
        for old in sorted(folder.glob(f"{name}.[0-9][0-9][0-9][0-9][0-9][0-9].safetensors"))[:-keep]:
            old.unlink(missing_ok=True)

    def save_native(self, name: str, tensors: dict[str, Tensor], record: dict[str, Any]) -> str:
        """Keep what was trained itself; returns the file's place in the run folder."""
        place = f"native/{name}.safetensors"
        self._write(self.root / place, tensors, record)
        return place

    def load_native(self, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What `save_native` kept. Raises `TrainingError`."""
        path = self.root / "native" / f"{name}.safetensors"
        if not path.exists():
            raise TrainingError(f"{path}: no such file. It is kept where storing loses more than a hundredth.")
        return self._read(path)

    def save_done(self, name: str, state: AdapterState, record: dict[str, Any]) -> None:
        self._write(self.done / f"{name}.safetensors", _tensors(state), record)
        (self.slots / f"{name}.safetensors").unlink(missing_ok=True)

    def load_done(self, name: str) -> tuple[AdapterState, dict[str, Any]]:
        return load_finished(self.root, name)

    @staticmethod
    def _write(path: Path, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        atomic_write(path, record_bytes(tensors, record, key=RECORD))

    @staticmethod
    def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        try:
            return read_record(path.read_bytes(), where=str(path), key=RECORD)
        except ManifestError as err:
            raise TrainingError(
                f"{path}: not a checkpoint of this program ({err}). Delete the file; that expert is trained again."
            ) from err


def _tensors(state: AdapterState) -> dict[str, Tensor]:
    tensors = {}
    for path, pair in state.folded().items():
        tensors |= {f"{path}.lora_A.weight": pair.a.contiguous(), f"{path}.lora_B.weight": pair.b.contiguous()}
    return tensors


def _load_state(path: Path) -> tuple[AdapterState, dict[str, Any]]:
    tensors, record = RunFiles._read(path)
    paths = [k.removesuffix(".lora_A.weight") for k in tensors if k.endswith(".lora_A.weight")]
    pairs = {p: LoraPair(tensors[f"{p}.lora_A.weight"], tensors[f"{p}.lora_B.weight"]) for p in paths}
    return AdapterState(pairs), record


def load_finished(run: Path, name: str) -> tuple[AdapterState, dict[str, Any]]:
    """A finished expert of a run folder, and its history. Raises `TrainingError` for a damaged file."""
    return _load_state(run / "done" / f"{name}.safetensors")


def kept_checkpoints(run: Path) -> dict[str, list[AdapterState]]:
    """{expert: its last validation checkpoints, oldest first} of a run that kept them (`ExpertConfig.keep_last`).

    Raises `TrainingError` for a run without any.
    """
    found: dict[str, list[AdapterState]] = {}
    for path in sorted((run / "last").glob("*.*.safetensors")):
        found.setdefault(path.name.rsplit(".", 2)[0], []).append(_load_state(path)[0])
    if not found:
        raise TrainingError(
            f"{run}: holds no checkpoints of experts. Train them with: genlora bank train --keep-last 8"
        )
    return found

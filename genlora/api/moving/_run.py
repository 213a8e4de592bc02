"""A transfer's run folder: every step ends in a file, and whoever begins again goes on after the last one.

run.json             what the run agrees on (expert, bases, seeds' digest, settings)
seeds.jsonl          the real examples, all that is read of the data
rounds/NNNN.json     what the base wrote, round by round
inputs.json          synthesised inputs with the judge's scores, and the counts
answers.json         what the source expert answered
training/            checkpoints of the adapter on the target base
report.json, samples.html   what came of it, to read and to look at
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from genlora.errors import ManifestError
from genlora.files import atomic_write, canonical_json, read_json
from genlora.runs import begin_run

_MAX_BYTES = 64 << 20


class TransferRun:
    """Reads and writes a run folder. Raises `ConfigError` when it belongs to another transfer."""

    def __init__(self, root: Path, identity: dict[str, Any]) -> None:
        self.root = root
        begin_run(root, identity)

    @property
    def training(self) -> Path:
        return self.root / "training"

    def step(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The JSON of a step: as it is in the folder, else made now and kept. Raises `ManifestError` if damaged."""
        path = self.root / f"{name}.json"
        if path.exists():
            found = read_json(path, max_bytes=_MAX_BYTES)
            if not isinstance(found, dict):
                raise ManifestError(f"{path}: not a step of a transfer. Delete the file; the step is done again.")
            return found
        made = make()
        atomic_write(path, canonical_json(made))
        return made

    def rounds(self) -> list[list[str]]:
        """What the base wrote so far."""
        found = []
        while (path := self._round(len(found))).exists():
            said = read_json(path, max_bytes=_MAX_BYTES)
            if not isinstance(said, list) or not all(isinstance(s, str) for s in said):
                raise ManifestError(f"{path}: not a list of texts. Delete the file; the round is written again.")
            found.append(said)
        return found

    def add_round(self, number: int, said: list[str]) -> None:
        atomic_write(self._round(number), canonical_json(said), durable=False)

    def _round(self, number: int) -> Path:
        return self.root / "rounds" / f"{number:04d}.json"

    def write(self, name: str, data: bytes) -> Path:
        atomic_write(self.root / name, data)
        return self.root / name

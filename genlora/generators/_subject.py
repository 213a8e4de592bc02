"""The image hypernetwork as a generator: pictures of a subject in, an adapter for a text-to-image model out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from genlora.adapter import AdapterState, read_record, record_bytes
from genlora.errors import BaseMismatchError, ManifestError, PictureError
from genlora.files import atomic_write, read_bounded, sha256_bytes
from genlora.images import MOST_PICTURES, PictureEncoder, square_tensor, state_of

from .networks._subject import SubjectConfig, SubjectNetwork

if TYPE_CHECKING:
    from PIL.Image import Image

FORMAT = "genlora-subject-1"
MAX_WEIGHTS = 1 << 30


@dataclass(eq=False)
class SubjectGenerator:
    """A trained hypernetwork, for one text-to-image model."""

    network: SubjectNetwork
    base: str
    """Fingerprint of the model it was trained through."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained, and its figures on held-out subjects."""
    digest: str = ""
    """SHA-256 of its file; empty before it is saved."""
    _encoder: PictureEncoder | None = None

    def encoder(self) -> PictureEncoder:
        """The frozen network that reads pictures, loaded at its first use."""
        if self._encoder is None:
            self._encoder = PictureEncoder(self.network.config.encoder)
        return self._encoder

    @torch.no_grad()
    def generate(self, pictures: Sequence["Image"]) -> AdapterState:
        """One forward pass: the adapter of the subject in 1 to 4 pictures. Equal pictures give equal bytes.

        Raises:
            PictureError: for another number of pictures.
        """
        if not 1 <= len(pictures) <= MOST_PICTURES:
            raise PictureError(f"{len(pictures)} pictures of the subject; expected 1 to {MOST_PICTURES}.")
        side = self.network.config.encoder.side
        tokens = self.encoder().tokens(torch.stack([square_tensor(p, side) for p in pictures]))
        return state_of(self.network(tokens[None]))

    def require(self, base: str, *, where: str) -> Self:
        """Itself, if it was trained for the model of that fingerprint; else `BaseMismatchError`."""
        if base != self.base:
            raise BaseMismatchError(
                f"{where}: was trained for the text-to-image model {self.base[:12]}, this one is {base[:12]}. "
                "Train one for it: benchmarks/mini_sd.py, or name the model it was trained for with --model."
            )
        return self

    def save(self, path: Path) -> None:
        """Write weights, sizes and record as one file."""
        record = {
            "format": FORMAT,
            "config": self.network.config.to_json(),
            # A list: each layer's query and factors are found by their place, and JSON's keys are sorted on disk.
            "targets": [[path, *size] for path, size in self.network.targets.items()],
            "base": self.base,
            "record": dict(self.record),
        }
        tensors = {name: value.detach().to(torch.float16) for name, value in self.network.state_dict().items()}
        data = record_bytes(tensors, record)
        atomic_write(path, data)
        self.digest = sha256_bytes(data)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            ManifestError: if the file is not a hypernetwork's.
        """
        data = read_bounded(path, MAX_WEIGHTS, expected="a trained image hypernetwork")
        tensors, record = read_record(data, where=str(path))
        if record.get("format") != FORMAT:
            raise ManifestError(f"{path}: format is {str(record.get('format'))[:60]!r}, expected {FORMAT!r}.")
        try:
            targets = {str(name): (int(d_in), int(d_out)) for name, d_in, d_out in record["targets"]}
            network = SubjectNetwork(SubjectConfig.from_json(record["config"]), targets)
            network.load_state_dict({name: value.float() for name, value in tensors.items()})
            base, made = str(record["base"]), record["record"]
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise ManifestError(f"{path}: is not a trained image hypernetwork ({error}). Train it again.") from error
        return cls(network.eval().requires_grad_(False), base, made, sha256_bytes(data))

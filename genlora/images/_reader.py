"""References as a condition of the U-Net itself: a set encoder and its cross-attention, trained and kept as one file.

EasyRef's tokens (arXiv 2412.09618) through IP-Adapter's decoupled attention (arXiv 2308.06721): nothing becomes an
adapter, and whoever draws needs the reader beside the model. The hypernetwork is held against it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlora.adapter import read_record, record_bytes
from genlora.errors import BaseMismatchError, ManifestError
from genlora.files import atomic_write, read_bounded

from ._references import ReferenceAttention, ReferenceConfig, ReferenceEncoder

FORMAT = "genlora-references-1"
MAX_WEIGHTS = 1 << 30


class ReferenceReader(nn.Module):
    """From tokens of a subject's pictures to what every cross-attention of one U-Net attends over beside the text."""

    def __init__(
        self,
        config: ReferenceConfig,
        targets: Mapping[str, tuple[int, int]],
        base: str = "",
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """`targets` is {path: (d_in, d_out)} of the U-Net's attention; `base` is the model's fingerprint."""
        super().__init__()
        self.config, self.base, self.record = config, base, dict(record or {})
        self.targets = {path: size for path, size in targets.items() if path.endswith("attn2.to_k")}
        self.encoder = ReferenceEncoder(config)
        self.attention = ReferenceAttention(self.targets, config.width, config.outputs)

    def forward(
        self, tokens: Float[Tensor, "n pictures cells token"], present: Bool[Tensor, "n pictures"] | None = None
    ) -> "ReadReferences":
        """What the references of n subjects say."""
        there = self.encoder.readers.device
        return ReadReferences(
            self.attention, self.encoder(tokens.to(there), None if present is None else present.to(there))
        )

    def require(self, base: str, *, where: str) -> "ReferenceReader":
        """Itself, if it was trained for the model of that fingerprint; else `BaseMismatchError`."""
        if base != self.base:
            raise BaseMismatchError(
                f"{where}: was trained for the text-to-image model {self.base[:12]}, this one is {base[:12]}. "
                "Train one for it: benchmarks/mini_sd.py"
            )
        return self

    def save(self, path: Path) -> None:
        """Write weights in half precision, sizes and record as one file."""
        record = {
            "format": FORMAT,
            "config": asdict(self.config),
            "targets": [[target, *size] for target, size in self.targets.items()],
            "base": self.base,
            "record": self.record,
        }
        atomic_write(path, record_bytes({k: v.detach().cpu().half() for k, v in self.state_dict().items()}, record))

    @classmethod
    def load(cls, path: Path) -> "ReferenceReader":
        """Read what `save` wrote.

        Raises:
            ManifestError: if the file is not a reference reader's.
        """
        data = read_bounded(path, MAX_WEIGHTS, expected="a trained reference reader")
        tensors, record = read_record(data, where=str(path))
        if record.get("format") != FORMAT:
            raise ManifestError(f"{path}: format is {str(record.get('format'))[:60]!r}, expected {FORMAT!r}.")
        try:
            targets = {str(name): (int(d_in), int(d_out)) for name, d_in, d_out in record["targets"]}
            reader = cls(ReferenceConfig(**record["config"]), targets, str(record["base"]), record["record"])
            reader.load_state_dict({name: value.float() for name, value in tensors.items()})
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise ManifestError(f"{path}: is not a trained reference reader ({error}). Train it again.") from error
        return reader.eval().requires_grad_(False)


@dataclass(frozen=True, eq=False)
class ReadReferences:
    """What was read of n subjects' references: in sampling it stands where n rows of LoRAs may stand."""

    attention: ReferenceAttention
    tokens: Float[Tensor, "n outputs width"]

    def __len__(self) -> int:
        return len(self.tokens)

    def picked(self, rows: Int[Tensor, " some"]) -> "ReadReferences":
        """Those of some rows, in that order."""
        return ReadReferences(self.attention, self.tokens[rows])

    @contextmanager
    def on(self, unet: nn.Module, strength: Float[Tensor, " rows"]) -> Iterator[None]:
        """`unet` reading them while the context lasts, over and over for as many rows as `strength` has.

        A row of strength 0 reads zeros: its keys and values are zero, and so is what attention makes of them.
        """
        repeated = self.tokens.repeat(len(strength) // len(self), 1, 1)
        with self.attention.on(unet, repeated * strength[:, None, None].to(repeated)):
            yield

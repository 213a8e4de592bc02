"""What a merge did, as a value, as JSON and as a picture."""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from genlora.adapter import BaseLayout
from genlora.base import Fingerprint
from genlora.errors import ManifestError
from genlora.files import read_json
from genlora.ownership import owned

from ._linear import LayerError
from ._probe import Drift

REPORT = "merge_report.json"
PLOT = "merge_report.png"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class MergeReport:
    """A finished, verified merge."""

    folder: Path
    backend: str
    layout: BaseLayout
    base_fingerprint: Fingerprint
    base_digests: dict[str, str]
    """SHA-256 of each of the base's files, equal before and after."""
    adapter_digest: str
    source: str
    """The weights that the update was added to: dequantized or original."""
    calibrated: bool
    device: str
    max_drift: float
    drift: Drift
    """The merged model in memory against base and adapter."""
    reloaded: Drift
    """The saved model, read back, against base and adapter."""
    layers: tuple[LayerError, ...]
    files: dict[str, str]
    """SHA-256 of each file of the merged model."""
    picture: str
    """SHA-256 of the plot beside the report."""
    versions: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each step took; not part of the report file."""

    def to_json(self) -> dict[str, Any]:
        """The report file's content: same merge, same bytes."""
        out = asdict(self) | {"version": VERSION, "layers": [asdict(x) for x in self.layers]}
        out["drift"], out["reloaded"] = self.drift.to_json(), self.reloaded.to_json()
        out["layout"], out["base_fingerprint"] = self.layout.to_json(), self.base_fingerprint.to_json()
        out["base"] = self.layout.name
        del out["seconds"], out["folder"]
        return out

    def summary(self) -> str:
        """A few lines for people."""
        worst = max(self.layers, key=lambda x: x.rounding)
        return "\n".join(
            (
                f"merged {len(self.layers)} matrices into {self.backend} at {self.folder}",
                f"drift {self.reloaded.share:.2%} of the adapter's own effect (at most {self.max_drift:.1%}), "
                f"best token equal at {self.reloaded.agreement:.2%} of {self.reloaded.positions} positions",
                f"largest rounding error {worst.rounding:.2f} of its update, at {worst.path}",
                f"saved, reloaded and compared again; the base's {len(self.base_digests)} files are unchanged",
            )
        )


def read_report(folder: Path) -> dict[str, Any]:
    """The report of a merged model's folder. Raises `ManifestError` where it is none."""
    path = folder / REPORT
    found = read_json(path, max_bytes=16 << 20)
    parts = ("files", "layout", "base_fingerprint")
    if (
        not isinstance(found, dict)
        or found.get("version") != VERSION
        or not all(isinstance(found.get(p), dict) for p in parts)
        or not isinstance(found.get("backend"), str)
    ):
        raise ManifestError(f"{path}: not a merge report of this version. Merge the adapter again.")
    return found


def own_merge(folder: Path) -> list[str]:
    """Names of all files of a merged model, each of which genlora wrote; else `StorageError` (see `owned`)."""
    return owned(folder, _written, what="a merged model")


def _written(folder: Path) -> dict[str, str | None]:
    found = read_report(folder)
    listed: dict[str, str | None] = {str(k): str(v) for k, v in found["files"].items()}
    return {**listed, REPORT: None, PLOT: str(found.get("picture"))}


def plot(layers: Sequence[LayerError], drift: Drift, title: str) -> bytes:
    """A PNG: each merged matrix's error, by weight and by output, as a share of its update."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([x.rounding for x in layers], ".", color="#888888", label="weights: ‖Ŵ - W - ΔW‖ / ‖ΔW‖")
    outputs = [x.output for x in layers if x.output is not None]
    if len(outputs) == len(layers):
        axes.plot(outputs, ".", color="#c44e52", label="outputs, on calibration inputs")
    axes.axhline(drift.share, color="#4c72b0", linewidth=1, label=f"logits, whole model: {drift.share:.2%}")
    values = [v for x in layers for v in (x.rounding, x.output) if v]
    if values and min(values) > 0:
        axes.set_yscale("log")
    axes.set_xlabel("merged matrix, first layer to last")
    axes.set_ylabel("error as a share of the update")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()

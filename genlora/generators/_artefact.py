"""What a trained generator is on disk: `generator.json` and `weights.safetensors` in a folder, nothing that runs.

The JSON holds the kind, the configuration, the base's layout and fingerprint, the embedder's id, statistics of the
library it was trained on, a record of the training, and the digest of the weights. The base is not needed to read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from genlora.adapter import BaseLayout, safetensors_bytes
from genlora.errors import BaseMismatchError, DigestError, ManifestError
from genlora.files import canonical_json, parse_json, publish_folder, read_bounded, sha256_bytes
from genlora.ownership import owned

FORMAT = "genlora-generator-1"
MANIFEST = "generator.json"
WEIGHTS = "weights.safetensors"
MAX_MANIFEST = 8 << 20
MAX_WEIGHTS = 512 << 20
_EXPECTED = "a trained generator's folder"


@dataclass(frozen=True, eq=False)
class Artefact:
    """A trained generator as a value."""

    kind: str
    """Its name in `GENERATORS`."""
    config: Mapping[str, Any]
    """What builds the network again: plain JSON."""
    tensors: Mapping[str, Tensor] = field(repr=False)
    layout: BaseLayout = field(repr=False)
    base: Mapping[str, Any] = field(repr=False)
    """The base's full fingerprint, as `Fingerprint.to_json` gives it."""
    embedder: str
    """Id of the embedder whose vectors it reads."""
    statistics: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Numbers of the library it was trained on; never of the task that is generated."""
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """How it was trained: tasks, tokens, settings, figures on validation tasks, licences."""
    digest: str = ""
    """SHA-256 of the manifest, which holds that of the weights; empty before it is saved."""

    def require(self, layout: BaseLayout, embedder: str | None = None, *, where: str = "generator") -> Self:
        """Itself, if it was made for that base and embedder; else `BaseMismatchError`."""
        if self.layout.fingerprint != layout.fingerprint:
            raise BaseMismatchError(
                f"{where}: {self.kind} was trained for base {self.layout.name} ({self.layout.fingerprint[:12]}), the "
                f"bank is for {layout.name} ({layout.fingerprint[:12]}). Train one: genlora train {self.kind}"
            )
        if embedder is not None and embedder != self.embedder:
            raise BaseMismatchError(
                f"{where}: {self.kind} reads vectors of embedder {self.embedder[:12]}, this one is {embedder[:12]}. "
                "Use the embedder it was trained with."
            )
        return self


def save_artefact(folder: Path, artefact: Artefact, *, replace: bool = False) -> Path:
    """Write an artefact, whole or not at all.

    Raises `StorageError` when the folder exists; with `replace`, when it holds anything but an artefact.
    """
    weights = safetensors_bytes(artefact.tensors, {})
    manifest = {
        "format": FORMAT,
        "kind": artefact.kind,
        "config": dict(artefact.config),
        "layout": artefact.layout.to_json(),
        "base": dict(artefact.base),
        "embedder": artefact.embedder,
        "statistics": dict(artefact.statistics),
        "record": dict(artefact.record),
        "weights": {"sha256": sha256_bytes(weights), "bytes": len(weights)},
    }
    publish_folder(
        {MANIFEST: canonical_json(manifest), WEIGHTS: weights}, folder, replace=own_artefact if replace else None
    )
    return folder


def own_artefact(folder: Path) -> list[str]:
    """Names of all files in an artefact's folder, each of which genlora wrote; else `StorageError` (see `owned`)."""
    return owned(folder, _written, what="a trained generator")


def _written(folder: Path) -> dict[str, str | None]:
    return {MANIFEST: None, WEIGHTS: str(_manifest(folder)[0]["weights"]["sha256"])}


def load_artefact(folder: Path, kind: str | None = None) -> Artefact:
    """Read an artefact; tensors come back as they were stored.

    Raises `ManifestError` for a folder that is not one (or not of `kind`), `DigestError` for changed weights.
    """
    manifest, digest = _manifest(folder)
    weights = read_bounded(folder / WEIGHTS, MAX_WEIGHTS, expected=_EXPECTED)
    try:
        if sha256_bytes(weights) != manifest["weights"]["sha256"]:
            raise DigestError(
                f"{folder / WEIGHTS}: its digest differs from the one in {MANIFEST}. Restore the file, or train again."
            )
        if kind is not None and manifest["kind"] != kind:
            raise ManifestError(f"{folder}: holds a generator of kind {manifest['kind']!r}, expected {kind!r}.")
        return Artefact(
            kind=str(manifest["kind"]),
            config=manifest["config"],
            tensors=load(weights),
            layout=BaseLayout.from_json(manifest["layout"], where=str(folder / MANIFEST)),
            base=manifest["base"],
            embedder=str(manifest["embedder"]),
            statistics=manifest["statistics"],
            record=manifest["record"],
            digest=digest,
        )
    except (KeyError, TypeError, SafetensorError) as err:
        raise ManifestError(f"{folder}: not a generator's artefact ({err!r}). Restore it, or train again.") from err


def _manifest(folder: Path) -> tuple[dict[str, Any], str]:
    """The manifest and its digest. Raises `ManifestError`."""
    data, where = read_bounded(folder / MANIFEST, MAX_MANIFEST, expected=_EXPECTED), str(folder / MANIFEST)
    manifest = parse_json(data, where=where, max_bytes=MAX_MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise ManifestError(f"{where}: format is {str(found)[:60]!r}, expected {FORMAT!r}.")
    if not isinstance(manifest.get("weights"), dict) or not isinstance(manifest["weights"].get("sha256"), str):
        raise ManifestError(f"{where}: names no digest of the weights. Restore it, or train again.")
    return manifest, sha256_bytes(data)


def finite(tensors: Mapping[str, Tensor], *, where: str) -> Mapping[str, Tensor]:
    """`tensors`, if every number is finite; else `ManifestError`."""
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ManifestError(f"{where}: tensor {name} is not finite. Train the generator again.")
    return tensors

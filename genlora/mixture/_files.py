"""Mixtures on disk: a folder of `mixture.json` and `mixture.safetensors`, checked byte by byte when read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlora.adapter import (
    AdapterState,
    BaseLayout,
    LoraPair,
    SafetensorsHeader,
    read_safetensors_header,
)
from genlora.base import Fingerprint
from genlora.errors import DigestError, ManifestError
from genlora.files import canonical_json, parse_json, publish_folder, read_bounded, sha256_bytes
from genlora.ownership import owned

from ._mixture import FORMAT, MANIFEST, WEIGHTS, Mixture, expert_digest, mixture_files
from ._routing import Router

MAX_MANIFEST = 16 << 20
MAX_WEIGHTS = 4 << 30
_EXPECTED = "a folder that genlora bank mixture wrote"


def write_mixture(mixture: Mixture, folder: Path | str, *, replace: bool = False) -> Path:
    """Write a mixture as `folder`, whole or not at all.

    Raises `StorageError` when the folder exists; with `replace`, when it holds anything but a mixture.
    """
    publish_folder(mixture_files(mixture)[0], Path(folder), replace=own_mixture if replace else None)
    return Path(folder)


def own_mixture(folder: Path) -> list[str]:
    """Names of all files in a mixture's folder, each of which genlora wrote; else `StorageError` (see `owned`)."""
    return owned(folder, _written, what="a mixture")


def _written(folder: Path) -> dict[str, str | None]:
    return {MANIFEST: None, WEIGHTS: str(_manifest(folder)["weights"]["sha256"])}


def read_mixture(folder: Path | str) -> Mixture:
    """Read what `write_mixture` wrote.

    Raises `ManifestError` for a folder that is no mixture, `DigestError` when a byte of either file has changed,
    `UnsafeFormatError` for weights that are not sound safetensors, `AdapterShapeError` for parts that do not fit.
    """
    folder = Path(folder)
    found, where = _manifest(folder), str(folder / MANIFEST)
    weights = read_bounded(folder / WEIGHTS, MAX_WEIGHTS, expected=_EXPECTED)
    try:
        if sha256_bytes(weights) != found["weights"]["sha256"]:
            raise DigestError(
                f"{folder / WEIGHTS}: its digest differs from the one in {MANIFEST}. Restore it, or build it anew."
            )
        mixture = _parse(found, weights, folder)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        if isinstance(err, (DigestError, ManifestError)):
            raise
        raise ManifestError(f"{where}: not a mixture ({err}). Restore it, or build the mixture anew.") from err
    _check_experts(mixture, found, where)
    return mixture


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest without its digest, which fits. Raises `ManifestError` or `DigestError`."""
    where = str(folder / MANIFEST)
    data = read_bounded(folder / MANIFEST, MAX_MANIFEST, expected=_EXPECTED)
    found = parse_json(data, where=where, max_bytes=MAX_MANIFEST)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        shown = found.get("format") if isinstance(found, dict) else type(found).__name__
        raise ManifestError(f"{where}: format is {str(shown)[:60]!r}, expected {FORMAT!r}. Build the mixture anew.")
    digest = found.pop("digest", None)
    if sha256_bytes(canonical_json(found)) != digest or canonical_json({**found, "digest": digest}) != data:
        raise DigestError(f"{where}: it is not what was written (its digest differs). Restore it, or build it anew.")
    return found


def _parse(found: Mapping[str, Any], weights: bytes, folder: Path) -> Mixture:
    where = str(folder / WEIGHTS)
    header = read_safetensors_header(weights, where=where)
    expected = set()
    experts = []
    for i, _ in enumerate(found["experts"]):
        pairs = {}
        for site, leaves in found["sites"].items():
            for leaf in leaves:
                name = f"experts.{i}.{site}.{leaf}"
                a, b = (_tensor(weights, header, f"{name}.lora_{x}.weight", where) for x in "AB")
                expected |= {f"{name}.lora_A.weight", f"{name}.lora_B.weight"}
                pairs[f"{site}.{leaf}"] = LoraPair(a, b)
        experts.append(AdapterState(pairs))
    routers = {}
    for site in found["sites"]:
        names = (f"routers.{site}.weight", f"routers.{site}.bias")
        expected |= set(names)
        routers[site] = Router(*(_tensor(weights, header, n, where) for n in names))
    extra = sorted(set(header.tensors) - expected)
    if extra:
        raise ManifestError(f"{where}: holds {extra[0]!r}, which no part of {MANIFEST} names. Build the mixture anew.")
    return Mixture(
        names=tuple(str(e["name"]) for e in found["experts"]),
        experts=tuple(experts),
        routers=routers,
        top_k=int(found["top_k"]),
        layout=BaseLayout.from_json(found["layout"], where=str(folder / MANIFEST)),
        base=Fingerprint.from_json(found["base"], where=str(folder / MANIFEST)),
        record=found["record"],
    )


def _tensor(weights: bytes, header: SafetensorsHeader, name: str, where: str) -> Tensor:
    spec = header.tensors.get(name)
    if spec is None or spec.dtype != "F32":
        shown = "is missing" if spec is None else f"has dtype {spec.dtype}"
        raise ManifestError(f"{where}: tensor {name} {shown}, expected F32. Build the mixture anew.")
    start = header.data_start
    view = bytearray(memoryview(weights)[start + spec.start : start + spec.end])
    value = torch.frombuffer(view, dtype=torch.float32).reshape(spec.shape)
    if not bool(torch.isfinite(value).all()):
        raise ManifestError(f"{where}: tensor {name} is not finite. Build the mixture anew.")
    return value


def _check_experts(mixture: Mixture, found: Mapping[str, Any], where: str) -> None:
    for name, state, entry in zip(mixture.names, mixture.experts, found["experts"], strict=True):
        if expert_digest(state) != entry["sha256"]:
            raise DigestError(f"{where}: expert {name} is not the one that was mixed. Build the mixture anew.")

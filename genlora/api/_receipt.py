"""The receipt beside an adapter: everything that made it, digests of its files, and a digest of itself. No times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from genlora.adapter import BaseLayout
from genlora.base import Fingerprint
from genlora.errors import DigestError, ManifestError
from genlora.files import canonical_json, parse_json, read_bounded, sha256_bytes

if TYPE_CHECKING:
    from genlora.generators import Generated, Request

    from ._inputs import Inputs

FORMAT = "genlora-receipt-1"
MAX_BYTES = 1 << 20

Dtype = Literal["float32", "bfloat16", "float16"]


def small_receipt(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """A receipt without the base's whole identity, which is most of it; its fingerprint stays."""
    base = receipt.get("base")
    if not isinstance(base, Mapping):
        return dict(receipt)
    return {**receipt, "base": {k: v for k, v in base.items() if k != "identity"}}


def request_part(
    request: Request,
    *,
    generator: str,
    rank: int,
    dtype: Dtype,
    shots: Sequence[tuple[str, str]] = (),
    inputs: Inputs | None = None,
) -> dict[str, Any]:
    """What was asked for, as the receipt holds it."""
    return {
        "description": request.description,
        "exclude": sorted(request.exclude),
        "generator": generator,
        "top_k": request.top_k,
        "temperature": float(request.temperature),
        "rank": rank,
        "seed": request.seed,
        "prompt": request.prompt,
        "quick": request.quick,
        "dtype": dtype,
        **({"shots": [list(shot) for shot in shots]} if shots else {}),
        **({"inputs": inputs.told()} if inputs is not None else {}),
    }


def result_part(generated: Generated, warnings: Sequence[str], layout: BaseLayout) -> dict[str, Any]:
    """What the generator found: expected accuracy, neighbours, coverage, spread, licences, warnings."""
    coverage = generated.coverage
    return {
        "neighbours": [
            {"name": n.name, "similarity": n.similarity, "weight": n.weight, "blob": n.blob, "licence": n.licence}
            for n in generated.neighbours
        ],
        "expected_accuracy": None if generated.expected is None else generated.expected.to_json(),
        "advice": {what: e.to_json() for what, e in generated.advice.items()},
        "prompt": generated.prompt,
        "coverage": {
            "value": coverage.value,
            "level": coverage.level,
            "support": coverage.support,
            "calibrated": coverage.calibrated,
        },
        "spread": generated.spread,
        "discarded": generated.discarded,
        "made_by": dict(generated.made_by),
        "licences": {
            "base": layout.licence,
            "neighbours": sorted({n.licence for n in generated.neighbours}),
            **({"training": list(generated.licences)} if generated.licences else {}),
        },
        "warnings": list(warnings),
    }


def seal(
    body: Mapping[str, Any], files: Mapping[str, bytes], known: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """The receipt: `body`, the digest of every file beside it, and a digest over all of that. `known` are digests of
    some of the files.
    """
    listed = {str(name): known.get(name) or sha256_bytes(data) for name, data in sorted(files.items())}
    whole = {"format": FORMAT, **body, "files": listed}
    return {**whole, "sha256": sha256_bytes(canonical_json(whole))}


def base_of(receipt: Mapping[str, Any]) -> Fingerprint:
    """The base an adapter was made for, from its receipt. Raises `ManifestError`."""
    try:
        text = str(receipt["base"]["identity"])
    except (KeyError, TypeError) as err:
        raise ManifestError(f"receipt: names no base ({err!r}). Generate the adapter again.") from err
    return Fingerprint.from_json(parse_json(text.encode(), where="receipt: base"), where="receipt: base")


def read_receipt(path: Path) -> dict[str, Any]:
    """A receipt whose own digest fits and whose spelling is canonical.

    Raises `ManifestError` for a file that is not a receipt, `DigestError` for one that was changed.
    """
    data = read_bounded(path, MAX_BYTES, expected="the receipt that genlora writes beside an adapter")
    receipt = parse_json(data, where=str(path), max_bytes=MAX_BYTES)
    if not isinstance(receipt, dict) or receipt.get("format") != FORMAT:
        found = receipt.get("format") if isinstance(receipt, dict) else type(receipt).__name__
        raise ManifestError(f"{path}: format is {str(found)[:60]!r}, expected {FORMAT!r}. Is it of another version?")
    rest = {k: v for k, v in receipt.items() if k != "sha256"}
    if receipt.get("sha256") != sha256_bytes(canonical_json(rest)) or data != canonical_json(receipt):
        raise DigestError(f"{path}: was changed after it was written. Generate the adapter again, or restore the file.")
    return receipt

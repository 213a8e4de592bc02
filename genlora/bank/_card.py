"""An expert's card: what it does, what it is worth, where it came from, and what its update looks like."""

import re
from typing import Any

from ._conform import figures
from ._store import Bank

DIAGNOSIS_KEY = "diagnosis"
"""Metadata: {expert: its figures, and the blob they were taken of}."""
_LAYER = re.compile(r"\.(\d+)\.")


def expert_card(bank: Bank, name: str) -> dict[str, Any]:
    """A JSON-able card. `layers` has the Frobenius norm of ΔW of each projection, layer by layer."""
    from genlora.adapter import canonical

    record, state = bank.get(name), bank.state(name)
    diagnosed = (bank.metadata(DIAGNOSIS_KEY) or {}).get(name)
    norms, effective = figures(canonical(state))
    layers: dict[int, dict[str, float]] = {}
    for path, norm in norms.items():
        found = _LAYER.search(path)
        layer = layers.setdefault(int(found[1]) if found else 0, {})
        layer[path.rsplit(".", 1)[-1]] = float(f"{norm:.4g}")
    return {
        "name": record.name,
        "descriptions": list(record.descriptions),
        "family": record.family,
        "parent": record.parent,
        "source": record.source,
        "licence": record.licence,
        "saw": list(record.saw),
        "base": {"name": bank.layout.name, "fingerprint": record.base, "licence": bank.layout.licence},
        "rank": record.rank,
        "bank_rank": bank.rank,
        "targets": list(bank.targets),
        "gain": None if record.gain is None else dict(record.gain),
        "effective_rank": float(f"{effective:.4g}"),
        "update_norm": float(f"{sum(n * n for n in norms.values()) ** 0.5:.4g}"),
        "layers": [{"layer": i, **layers[i]} for i in sorted(layers)],
        "metrics": dict(record.metrics),
        # Of other weights than these it says nothing: the expert was replaced since.
        "diagnosis": diagnosed if diagnosed and diagnosed.get("blob") == record.blob else None,
        "provenance": dict(record.provenance),
        "embedder": record.embedder,
        "blob": record.blob,
        "generation": record.generation,
    }

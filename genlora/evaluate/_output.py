"""A report's files: Markdown, JSON, plots, and every prediction."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from genlora.errors import ManifestError
from genlora.files import canonical_json, read_json, sha256_bytes
from genlora.ownership import owned

from ._plots import plots
from ._report import markdown
from ._run import Evaluated
from ._store import UnitResult
from ._summary import Summary, summarise, to_json
from ._targets import Target, judge

PREDICTIONS = "predictions.jsonl.gz"
REPORT = "report.json"
FORMAT = "genlora-report-1"
MAX_REPORT = 64 << 20


def report(found: Evaluated, about: Mapping[str, Any]) -> tuple[dict[str, bytes], Summary, list[Target]]:
    """Files by name: report.md, report.json, predictions.jsonl.gz and the plots; and what is in them."""
    summary = summarise(found)
    targets = judge(summary, found.results)
    drawn = plots(summary, about.get("expert_cosines") or ())
    data = {
        "about": dict(about),
        "targets": [asdict(t) for t in targets],
        "summary": summary,
        "left_out": found.left_out,
        "skipped": found.skipped,
        "units": [
            {k: v for k, v in asdict(r).items() if k != "predictions"} | {"strict": r.strict} for r in found.results
        ],
    }
    files = {
        "report.md": markdown(found, summary, targets, about, list(drawn)).encode(),
        PREDICTIONS: predictions_file(found.results),
        **drawn,
    }
    return with_report(files, to_json(data)), summary, targets


def with_report(files: Mapping[str, bytes], body: Mapping[str, Any]) -> dict[str, bytes]:
    """`files`, and report.json: `body`, and the digest of each of them."""
    listed = {name: sha256_bytes(data) for name, data in sorted(files.items())}
    return {**files, REPORT: canonical_json({**body, "format": FORMAT, "files": listed})}


def own_report(folder: Path) -> list[str]:
    """Names of all files of a report, each of which genlora wrote; else `StorageError` (see `owned`)."""
    return owned(folder, _written, what="a report")


def _written(folder: Path) -> dict[str, str | None]:
    found = read_json(folder / REPORT, max_bytes=MAX_REPORT)
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("files"), dict):
        raise ManifestError(f"{folder / REPORT}: not a report of this version. Evaluate again into another folder.")
    listed: dict[str, str | None] = {str(name): str(digest) for name, digest in found["files"].items()}
    return {**listed, REPORT: None}


def predictions_file(results: Iterable[UnitResult]) -> bytes:
    """All predictions as gzipped JSON Lines, each with its method, task, description and seed; no time inside."""
    lines = []
    for r in results:
        head = {"method": r.method, "task": r.task, "variant": r.variant, "description": r.description, "seed": r.seed}
        lines.extend(json.dumps({**head, **asdict(p)}, ensure_ascii=False) for p in r.predictions)
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)

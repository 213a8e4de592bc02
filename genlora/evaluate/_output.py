"""A report's files: Markdown, JSON, plots, and every prediction."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from genlora.files import canonical_json

from ._plots import plots
from ._report import markdown
from ._run import Evaluated
from ._store import UnitResult
from ._summary import Summary, summarise, to_json
from ._targets import Target, judge

PREDICTIONS = "predictions.jsonl.gz"


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
        "report.json": canonical_json(to_json(data)),
        PREDICTIONS: predictions_file(found.results),
        **drawn,
    }
    return files, summary, targets


def predictions_file(results: Iterable[UnitResult]) -> bytes:
    """All predictions as gzipped JSON Lines, each with its method, task, description and seed; no time inside."""
    lines = []
    for r in results:
        head = {"method": r.method, "task": r.task, "variant": r.variant, "description": r.description, "seed": r.seed}
        lines.extend(json.dumps({**head, **asdict(p)}, ensure_ascii=False) for p in r.predictions)
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)

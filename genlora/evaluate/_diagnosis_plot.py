"""A picture of a bank's diagnosis: new directions over rank, and over tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._plots import FAR, GREY, NEAR, figure_of, png_of


def diagnosis_plot(rows: Sequence[Mapping[str, Any]], cut: Sequence[Mapping[str, Any]] | None = None) -> bytes:
    """PNG of `Diagnosis.to_json()` rows that have intruders: mean per module of each task, sorted; over ranks, where
    they were counted at several, of the rows or of those of `cut`.
    """
    cut = rows if cut is None else cut
    rows = sorted(rows, key=lambda r: (r["intruders"] / r["modules"], r["name"]))
    ranks = sorted({int(r) for row in cut for r in row["by_rank"]})
    figure, (left, right) = figure_of(12, 1.6 + 0.17 * max(len(rows), 22), columns=2)
    per_module = [r["intruders"] / r["modules"] for r in rows]
    effective = [r["effective_rank"] for r in rows]
    bars = left.barh(range(len(rows)), per_module, 0.75, color=NEAR)
    low, high = min(effective), max(effective)
    for bar, value in zip(bars, effective, strict=True):
        bar.set_alpha(0.35 + 0.65 * (value - low) / (high - low) if high > low else 1.0)
    left.set_yticks(range(len(rows)), [r["name"] for r in rows], fontsize=7)
    left.set_ylim(-0.7, len(rows) - 0.3)
    k, eps = rows[0]["k"], rows[0]["eps"]
    left.set_xlabel(
        f"intruder dimensions per module (of the top {k}, cosine < {eps:g})\n"
        f"darker: effective rank {high:.1f}; lighter: {low:.1f}"
    )
    if len(ranks) > 1:
        counts = np.array([[row["by_rank"][str(r)] / row["modules"] for r in ranks] for row in cut])
        for line in counts:
            right.plot(ranks, line, color=GREY, alpha=0.25, linewidth=0.8)
        right.plot(ranks, counts.mean(0), color=FAR, linewidth=2.5, marker="o", label=f"mean of {len(cut)} experts")
        right.set_xscale("log", base=2)
        right.set_xticks(ranks, [str(r) for r in ranks])
        right.set_xlabel("rank kept of each expert (cut by SVD, not trained anew)")
        right.legend(frameon=False)
    else:
        right.scatter(effective, per_module, color=NEAR)
        right.set_xlabel("effective rank (mean over modules)")
    right.set_ylabel("intruder dimensions per module")
    right.set_ylim(bottom=0)
    return png_of(figure)

"""Plots of an evaluation, as PNG bytes. Drawn with matplotlib's Agg canvas: no display, no global state."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._methods import METHODS
from ._summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEAR, FAR, GREY = "#3b6fb6", "#d9822b", "#666666"
COLOURS = {"near": NEAR, "far": FAR}


def plots(summary: Summary, expert_cosines: Sequence[float] = ()) -> dict[str, bytes]:
    """File name to PNG, for every plot there is data for.

    `expert_cosines` holds, for each expert, its cosine to the nearest other one.
    """
    drawn = {
        "methods": _methods(summary),
        "coverage": _coverage(summary),
        "novelty": _novelty(summary, expert_cosines),
        "paraphrases": _paraphrases(summary),
    }
    return {f"{name}.png": png_of(figure) for name, figure in drawn.items() if figure is not None}


def figure_of(width: float, height: float, *, columns: int = 1) -> "tuple[Figure, Any]":
    """A figure of that many inches with its axes, or a row of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(ncols=columns)
    for one in np.ravel(axes):
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def png_of(figure: "Figure") -> bytes:
    """The figure's picture; the same figure gives the same bytes."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130, metadata={"Software": None})
    return out.getvalue()


def _methods(summary: Summary) -> "Figure | None":
    """Bars per method with intervals, near and far side by side."""
    groups = [g for g in ("near", "far") if summary.methods[g]]
    names = list(summary.methods["all"])
    if not names:
        return None
    figure, axes = figure_of(9, 1.2 + 0.42 * len(names))
    height = 0.8 / len(groups)
    for i, group in enumerate(groups):
        for row, name in enumerate(names):
            m = summary.methods[group].get(name)
            if m is None:
                continue
            e, y = m.strict, row + (i - (len(groups) - 1) / 2) * height
            label = f"{group} ({len(summary.groups[group])} tasks)" if row == 0 else None
            axes.barh(y, 100 * e.value, height * 0.92, color=COLOURS[group], label=label)
            axes.plot([100 * e.low, 100 * e.high], [y, y], color="black", linewidth=1.2)
            axes.text(100 * e.high + 0.8, y, f"{100 * e.value:.0f}", va="center", fontsize=8, color=GREY)
    axes.set_yticks(range(len(names)), [METHODS[n].title for n in names])
    axes.invert_yaxis()
    axes.set_xlim(0, 105)
    axes.set_xlabel("strictly right, % (mean over tasks; line: 95 %, examples resampled)")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
    axes.margins(y=0.01)
    return figure


def _coverage(summary: Summary) -> "Figure | None":
    """Each task's coverage against its gap closure."""
    points = [c for c in summary.coverage if math.isfinite(c["closure"])]
    if len(points) < 3:
        return None
    figure, axes = figure_of(7.5, 5)
    _scatter(axes, points, "coverage", "closure")
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.axhline(100, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("coverage of the description (0: the bank holds nothing like it)")
    axes.set_ylabel(f"gap closed by {METHODS[summary.headline].title}, %")
    if summary.rank_correlation is not None:
        value, low, high = summary.rank_correlation
        axes.set_title(f"rank correlation {value:.2f} (95 % {low:.2f} to {high:.2f})", fontsize=10)
    return figure


def _novelty(summary: Summary, expert_cosines: Sequence[float]) -> "Figure | None":
    """How unlike any expert an adapter is, against how well it does."""
    if len(summary.coverage) < 3:
        return None
    figure, axes = figure_of(7.5, 5)
    points = [{**c, "novelty": 1 - c["cosine"]} for c in summary.coverage]
    _scatter(axes, points, "novelty", "strict")
    axes.set_xlabel("novelty: 1 - cosine of the update to the nearest expert's (0: a copy)")
    axes.set_ylabel(f"strictly right with {METHODS[summary.headline].title}, %")
    if len(expert_cosines):
        usual = 1 - float(np.median(expert_cosines))
        axes.axvline(usual, color=GREY, linewidth=0.9, linestyle=":")
        axes.text(usual, 100, " two experts (median)", fontsize=8, color=GREY)
    axes.set_xlim(left=-0.02)
    axes.set_ylim(-3, 106)
    return figure


def _scatter(axes: Any, points: list[dict[str, Any]], x: str, y: str) -> None:
    for group in ("near", "far"):
        here = [p for p in points if p["group"] == group]
        if here:
            axes.scatter([p[x] for p in here], [100 * p[y] for p in here], s=26, color=COLOURS[group], label=group)
    for p in points if len(points) <= 24 else []:
        at = (p[x], 100 * p[y])
        axes.annotate(p["task"], at, xytext=(4, 3), textcoords="offset points", fontsize=6.5, color=GREY)
    axes.legend(frameon=False)


def _paraphrases(summary: Summary) -> "Figure | None":
    """Per method: each task's best minus worst paraphrase."""
    found = summary.spread["all"]
    if not found:
        return None
    names = list(found)
    figure, axes = figure_of(8, 1.2 + 0.42 * len(names))
    rng = np.random.default_rng(0)
    for row, name in enumerate(names):
        values = 100 * np.array(found[name])
        axes.scatter(values, row + rng.uniform(-0.18, 0.18, len(values)), s=14, color=NEAR, alpha=0.6, linewidths=0)
        axes.plot([np.median(values)] * 2, [row - 0.34, row + 0.34], color="black", linewidth=2)
    axes.axvline(3, color=FAR, linewidth=0.9, linestyle="--")
    axes.text(3.4, -0.62, "target", fontsize=8, color=FAR)
    axes.set_yticks(range(len(names)), [METHODS[n].title for n in names])
    axes.invert_yaxis()
    axes.set_xlim(left=-1)
    axes.set_xlabel("points between a task's best and worst paraphrase (dot: a task; bar: median)")
    return figure


def horizontal_bars(values: Mapping[str, Mapping[str, float]], *, title: str) -> bytes:
    """Grouped bars of shares (0 to 1), PNG: rows by the outer key, one colour per inner key."""
    figure, axes = figure_of(7, 1.4 + 0.6 * len(values))
    fields = list(next(iter(values.values())))
    height = 0.8 / len(fields)
    for i, (field, colour) in enumerate(zip(fields, (NEAR, FAR), strict=False)):
        for row, name in enumerate(values):
            y, share = row + (i - (len(fields) - 1) / 2) * height, 100 * values[name][field]
            axes.barh(y, share, height * 0.92, color=colour, label=field if row == 0 else None)
            axes.text(share + 1, y, f"{share:.0f}", va="center", fontsize=8, color=GREY)
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set_xlim(0, 105)
    axes.set_xlabel("right, %")
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False, loc="lower right")
    return png_of(figure)

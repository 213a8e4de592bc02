"""Pictures of a sweep: loss over learning rate, and methods at their own best rates."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._plots import FAR, GREY, NEAR, figure_of, png_of

_COLOURS = (NEAR, FAR, "#4f9d69", "#a0529a", "#c0504d", "#7f6a3f", "#3aa6a6", "#8c8c8c")
_MARKS = "osD^vP*X"


def sweep_plot(outcomes: Sequence[Mapping[str, Any]], best: Sequence[Mapping[str, Any]]) -> bytes:
    """PNG of a sweep's outcomes and its table of best rates; losses that are not finite are left out.

    `outcomes` has method, rate and test_loss of each training, `best` the rows of `tables_json`.
    """
    figure, (left, right) = figure_of(13, max(4.5, 1.5 + 0.34 * len(best)), columns=2)
    top = []
    for i, row in enumerate(best):
        mine: dict[float, list[float]] = {}
        for o in outcomes:
            if o["method"] == row["method"] and o["test_loss"] is not None and math.isfinite(o["test_loss"]):
                mine.setdefault(o["rate"], []).append(o["test_loss"])
        rates = sorted(mine)
        if not rates:
            continue
        means = [float(np.mean(mine[r])) for r in rates]
        colour, mark = _COLOURS[i % len(_COLOURS)], _MARKS[i // len(_COLOURS) % len(_MARKS)]
        left.plot(rates, means, color=colour, marker=mark, markersize=4, linewidth=1.3, label=row["method"])
        top += means
    left.set_xscale("log")
    if top:  # a rate that is too high would flatten all the others
        left.set_ylim(0.97 * min(top), min(max(top), 2 * float(np.median(top))) * 1.03)
    left.set_xlabel("learning rate")
    left.set_ylabel("loss on test rows (mean over tasks and seeds)")
    few = len(best) <= 8
    legend = {"loc": "upper right"} if few else {"loc": "outside left upper"}  # many would lie over the lines
    (left if few else figure).legend(*left.get_legend_handles_labels(), frameon=False, fontsize=7, **legend)
    good = [b for b in best if b["test_loss"] is not None and math.isfinite(b["test_loss"])]
    place = range(len(good))
    right.barh(place, [b["test_loss"] for b in good], 0.7, color=[FAR if b["method"] == "lora" else NEAR for b in good])
    right.errorbar(
        [b["test_loss"] for b in good],
        place,
        xerr=[b["deviation"] for b in good],
        fmt="none",
        color="black",
        linewidth=1,
    )
    right.set_yticks(place, [f"{b['method']} @ {b['rate']:g}{'*' if b['edge'] else ''}" for b in good], fontsize=8)
    right.invert_yaxis()
    low, high = min(b["test_loss"] for b in good), max(b["test_loss"] for b in good)
    right.set_xlim(max(0.0, low - 0.5 * (high - low or low)), None)
    right.set_xlabel(
        "loss on test rows, each at its own best rate\n(line: deviation between seeds; *: at its grid's end)"
    )
    right.text(1.0, 1.01, "plain LoRA in orange", transform=right.transAxes, ha="right", fontsize=7, color=GREY)
    return png_of(figure)

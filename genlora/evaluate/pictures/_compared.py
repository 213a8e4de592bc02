"""Guidances against each other where both draw the subject equally well."""

from collections.abc import Mapping, Sequence
from typing import Any


def at_equal_subject(
    curve: Sequence[Mapping[str, Any]], one: str = "hybrid", other: str = "cfg"
) -> list[dict[str, Any]]:
    """For each point of `other`, the point of `one` with the most prompt attributes among those that draw the subject
    at least as well; None where there is none.

    Args:
        curve: points with `guidance`, `text`, `subject_weight`, and means of `subject`, `prompt` and `leak`.
        one: the guidance that is looked for.
        other: the guidance that it is held against.

    Returns:
        {`against`, `found`, `prompt` (how much more, as a share), `leak` (both)} for each point of `other`.
    """
    found = []
    for point in (p for p in curve if p["guidance"] == other):
        level = [p for p in curve if p["guidance"] == one and p["subject"]["mean"] >= point["subject"]["mean"]]
        best = max(level, key=lambda p: (p["prompt"]["mean"], -p["leak"]["mean"]), default=None)
        found.append(
            {
                "against": _name(point),
                "subject": point["subject"]["mean"],
                "found": None if best is None else _name(best),
                "prompt": None if best is None else round(best["prompt"]["mean"] - point["prompt"]["mean"], 4),
                "leak": [None if best is None else best["leak"]["mean"], point["leak"]["mean"]],
            }
        )
    return found


def _name(point: Mapping[str, Any]) -> str:
    weight = "" if point["subject_weight"] is None else f", {point['subject_weight']:g}"
    return f"{point['guidance']} {point['text']:g}{weight}"

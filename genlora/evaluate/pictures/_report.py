"""The report of an evaluation of pictures: a table, the figures as JSON, a contact sheet."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import torch

from genlora.images import to_image

from .._output import with_report
from ._compared import at_equal_subject
from ._measures import Measured
from ._run import PicturesEvaluated

_COLUMNS = {
    "subject": "subject attributes",
    "prompt": "prompt attributes",
    "leak": "background leak",
    "similarity": "similarity",
    "retrieval": "retrieval@1",
    "by encoder": "retrieval@1 by the encoder",
    "diversity": "diversity",
}


def pictures_report(found: PicturesEvaluated, about: Mapping[str, Any]) -> dict[str, bytes]:
    """{name: bytes} of `report.md`, `report.json` (all figures) and, if pictures were kept,
    `pictures.png` and `class.png`.
    """
    figures = {
        level: {method: {k: v.to_json() for k, v in values.items()} for method, values in methods.items()}
        for level, methods in found.figures.items()
    }
    seconds = {name: round(value, 4) for name, value in found.seconds.items()}
    body = {
        "about": dict(about),
        "figures": figures,
        "curves": found.curves,
        "at_equal_subject": {method: at_equal_subject(curve) for method, curve in found.curves.items()},
        "seconds_per_subject": seconds,
        "sheet": list(found.columns),
    }
    files = {"report.md": _markdown(found, about).encode()}
    if found.sheet is not None:
        files["pictures.png"] = _sheet(found.sheet)
    if found.class_sheet is not None:
        files["class.png"] = _sheet(found.class_sheet)
    return with_report(files, body)


def picture_rows(methods: Mapping[str, Mapping[str, Measured]]) -> list[tuple[str, ...]]:
    """One row for each method: its name and its figures, with intervals."""
    return [
        (name, *(_cell(values[key], key) if key in values else "-" for key in _COLUMNS))
        for name, values in methods.items()
    ]


def picture_columns() -> tuple[str, ...]:
    """The head of `picture_rows`."""
    return ("method", *_COLUMNS.values())


def _cell(value: Measured, key: str) -> str:
    if key in ("similarity", "diversity"):
        return f"{value.mean:.2f} ({value.low:.2f} to {value.high:.2f})"
    return f"{100 * value.mean:.1f} % ({100 * value.low:.1f} to {100 * value.high:.1f})"


def _markdown(found: PicturesEvaluated, about: Mapping[str, Any]) -> str:
    text = ["# Pictures of subjects that no training has seen", ""]
    text += [f"- {key}: {value}" for key, value in about.items()]
    for level, methods in found.figures.items():
        text += ["", f"## An unseen {level}", "", *_table(picture_columns(), picture_rows(methods))]
    for method, curve in found.curves.items():
        text += ["", f"## Over guidance: {method}", "", *_over_guidance(curve)]
    if found.columns:
        text += ["", f"`pictures.png`, from left: {', '.join(found.columns)}."]
    text += ["", "## Seconds to make one subject's adapter", ""]
    text += _table(("method", "seconds"), [(name, f"{value:.3f}") for name, value in found.seconds.items()])
    return "\n".join(text) + "\n"


def _over_guidance(curve: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            str(point["guidance"]),
            f"{point['text']:g}",
            "" if point["subject_weight"] is None else f"{point['subject_weight']:g}",
            *(f"{100 * point[key]['mean']:.1f} %" for key in ("subject", "prompt", "leak")),
        )
        for point in curve
    ]
    head = ("guidance", "text", "subject", "subject attributes", "prompt attributes", "background leak")
    against = ("cfg", "subject attributes", "hybrid", "prompt attributes", "background leak")
    said = "`hybrid` against `cfg` where it draws the subject at least as well:"
    return [*_table(head, rows), "", said, "", *_table(against, _equal(curve))]


def _equal(curve: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    rows = []
    for point in at_equal_subject(curve):
        if point["found"] is None:
            told = ("none does", "", "")
        else:
            mine, theirs = point["leak"]
            told = (
                point["found"],
                f"{100 * point['prompt']:+.1f} points",
                f"{100 * mine:.1f} %, not {100 * theirs:.1f} %",
            )
        rows.append((point["against"], f"{100 * point['subject']:.1f} %", *told))
    return rows


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_line(head), "|" + "---|" * len(head), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _sheet(pictures: torch.Tensor) -> bytes:
    """Rows of pictures as one PNG, each point four wide, with a gap between."""
    big = pictures.repeat_interleave(4, -1).repeat_interleave(4, -2)
    padded = torch.nn.functional.pad(big, (4, 4, 4, 4), value=1.0)
    rows, columns, _, h, w = padded.shape
    out = BytesIO()
    to_image(padded.permute(2, 0, 3, 1, 4).reshape(3, rows * h, columns * w)).save(out, "PNG")
    return out.getvalue()

"""Requests that only measure: near misses of the stored tasks, practical tasks, and the stored tasks in other words.

They were written before anything was tuned on them, and nothing is ever trained on them. The files are
`data/requests/*.json`; who calibrates reads the split `calibration` or `validation`, and `test` is asked at the end.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal, cast, get_args

from genlora.errors import GenloraError, TaskError
from genlora.files import check_name, parse_json

from ._catalogue import CatalogueEntry, catalogue
from ._examples import example_of
from ._task import Example, Metric

ProbeSet = Literal["near-misses", "practical", "other-words"]
ProbeSplit = Literal["calibration", "validation", "test"]
AnswerForm = Literal["", "labels", "number", "date", "json"]

_TEXTS = {
    "near-misses": ("name", "near", "family", "metric", "slot", "split"),
    "practical": ("name", "family", "metric", "split"),
    "other-words": ("near",),
}
_LISTS = {
    "near-misses": ("descriptions", "rows"),
    "practical": ("descriptions", "rows"),
    "other-words": ("calibration", "test"),
}
_ALLOWED = {"metric": get_args(Metric), "split": get_args(ProbeSplit), "form": get_args(AnswerForm)}


@dataclass(frozen=True)
class Probe:
    """One request with the answers that are right for it."""

    name: str
    descriptions: tuple[str, ...]
    """How a user says it, the usual wording first; each stands alone."""
    rows: tuple[Example, ...] = field(repr=False)
    """What is asked; none when the task is a stored one in other words. Of a practical task the first `SHOWN` are the
    examples that a user would give.
    """
    near: str
    """The stored expert that the request is mistaken for, or is meant in other words; '' for a practical task."""
    slot: str
    """What differs from the near expert; '' when nothing does."""
    split: ProbeSplit
    family: str
    metric: Metric
    form: AnswerForm = ""
    """The form of the answer where the descriptions name one."""
    labels: tuple[str, ...] = ()
    """The allowed answers when `form` is 'labels'."""


SHOWN = 4
"""So many rows of a practical task are the user's examples; the others are asked."""


def probes(which: ProbeSet, *, split: ProbeSplit | None = None) -> tuple[Probe, ...]:
    """The requests of one set, in file order; only those of `split` if one is named.

    Raises `TaskError` for a set or split that there is not, and when the package's data is not valid.
    """
    if which not in get_args(ProbeSet):
        raise TaskError(f"no set of requests {str(which)[:40]!r}, expected one of {', '.join(get_args(ProbeSet))}.")
    if split is not None and split not in get_args(ProbeSplit):
        raise TaskError(f"no split {str(split)[:40]!r}, expected one of {', '.join(get_args(ProbeSplit))}.")
    return tuple(p for p in _shipped(which) if split in (None, p.split))


@functools.cache
def _shipped(which: ProbeSet) -> tuple[Probe, ...]:
    file = resources.files("genlora.tasks") / "data" / "requests" / f"{which}.json"
    return read_probes(which, file.read_bytes())


@functools.cache
def third_wordings() -> dict[str, str]:
    """{name: a third way to say it} of every request to judge by: stored tasks, near misses, practical tasks and the
    catalogue's test tasks. They were written by another hand, after the others had been asked, and before any answer.
    """
    file = resources.files("genlora.tasks") / "data" / "requests" / "third-wordings.json"
    rows = parse_json(file.read_bytes(), where="third-wordings.json", max_bytes=1 << 20)
    return {row["name"]: row["wording"] for row in rows}


def read_probes(which: ProbeSet, document: bytes) -> tuple[Probe, ...]:
    """The requests of a JSON document of the set `which`. Raises `TaskError` that names the entry."""
    file = f"{which}.json"
    try:
        entries = parse_json(document, where=file, max_bytes=4 << 20)
    except GenloraError as err:
        raise TaskError(str(err)) from err
    if not isinstance(entries, list):
        raise TaskError(f"{file}: expected a JSON list of requests.")
    found: dict[str, Probe] = {}
    for number, entry in enumerate(entries, 1):
        for probe in _probes_of(which, entry, f"{file}: entry {number}"):
            if probe.name in found:
                raise TaskError(f"{file}: entry {number}: the name {probe.name!r} is taken. Choose another.")
            found[probe.name] = probe
    return tuple(found.values())


def _probes_of(which: ProbeSet, entry: Any, where: str) -> Iterator[Probe]:
    if not isinstance(entry, dict):
        raise TaskError(f"{where}: expected an object.")
    where = f"{where} ({str(entry.get('name') or entry.get('near') or '?')[:64]})"
    _check(which, entry, where)
    if which == "other-words":
        known = _expert(entry["near"], where)
        for split in ("calibration", "test"):
            texts = tuple(entry[split])
            yield Probe(f"{known.name}.{split}", texts, (), known.name, "", split, known.family, known.metric)
        return
    if which == "near-misses":
        _expert(entry["near"], where)
    labels = tuple(entry.get("labels", ()))
    if bool(labels) != (entry.get("form") == "labels"):
        raise TaskError(f"{where}: `labels` are given exactly when `form` is 'labels'. Add or remove them.")
    yield Probe(
        name=_name(entry["name"], where),
        descriptions=tuple(entry["descriptions"]),
        rows=tuple(_row(row, f"{where}: row {i}") for i, row in enumerate(entry["rows"], 1)),
        near=entry.get("near", ""),
        slot=entry.get("slot", ""),
        split=entry["split"],
        family=entry["family"],
        metric=entry["metric"],
        form=entry.get("form", ""),
        labels=labels,
    )


def _check(which: ProbeSet, entry: dict[str, Any], where: str) -> None:
    optional = () if which == "other-words" else ("form", "labels")
    extra = entry.keys() - {*_TEXTS[which], *_LISTS[which], *optional}
    if extra:
        raise TaskError(f"{where}: key {min(extra)!r} is not known.")
    for key in (*_TEXTS[which], *(k for k in ("form",) if k in entry)):
        value = entry.get(key)
        if not isinstance(value, str) or not value:
            raise TaskError(f"{where}: `{key}` is missing or not text.")
        if value not in _ALLOWED.get(key, (value,)):
            raise TaskError(f"{where}: {key} {value!r}, expected one of {', '.join(_ALLOWED[key])}.")
    for key in (*_LISTS[which], *(k for k in ("labels",) if k in entry)):
        value = entry.get(key)
        if not isinstance(value, list) or not value:
            raise TaskError(f"{where}: `{key}` is missing or not a list.")
        if key != "rows" and not all(isinstance(v, str) and v.strip() for v in value):
            raise TaskError(f"{where}: `{key}` is not a list of texts.")


def _expert(name: str, where: str) -> CatalogueEntry:
    known = catalogue().get(name)
    if known is None or known.role != "bank":
        raise TaskError(f"{where}: {name[:64]!r} is no task of the bank. Run: genlora tasks list")
    return known


def _name(name: str, where: str) -> str:
    try:
        return check_name(name, what="request name")
    except GenloraError as err:
        raise TaskError(f"{where}: {err}") from err


def _row(row: Any, where: str) -> Example:
    if not isinstance(row, list) or len(row) not in (2, 3):
        raise TaskError(f"{where}: expected a list of input, output and, if there are several, the right answers.")
    keys = ("input", "output", "accepted")
    return example_of(cast("dict[str, Any]", dict(zip(keys, row, strict=False))), where)

"""The answer form that solved examples show: what all their answers have in common, where that is no accident."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from genlora.errors import ManifestError

from ._form import AnswerForm

FEWEST = 3
"""Examples from which on numbers, dates and JSON keys are taken for a rule."""
_FEWEST_FOR_LABELS = 12
_MOST_LABELS = 6
_TIMES_SEEN = 4
"""Every label must have been seen so often: then a further one that never came up is unlikely."""

_INTEGER = re.compile(r"-?\d{1,18}")
_NUMBER = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{1,18}){0,6}%?")
_DATE_SHAPES = (
    ("YYYY-MM-DD", re.compile(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)")),
    ("YYYY/MM/DD", re.compile(r"(?P<y>\d{4})/(?P<m>\d\d)/(?P<d>\d\d)")),
    ("DD.MM.YYYY", re.compile(r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4})")),
    ("DD/MM/YYYY", re.compile(r"(?P<d>\d\d)/(?P<m>\d\d)/(?P<y>\d{4})")),
    ("MM/DD/YYYY", re.compile(r"(?P<m>\d\d)/(?P<d>\d\d)/(?P<y>\d{4})")),
    ("DD-MM-YYYY", re.compile(r"(?P<d>\d\d)-(?P<m>\d\d)-(?P<y>\d{4})")),
    ("HH:mm", re.compile(r"(?P<h>[01]\d|2[0-4]):(?P<min>[0-5]\d)")),
    ("HH:mm:SS", re.compile(r"(?P<h>[01]\d|2[0-4]):(?P<min>[0-5]\d):(?P<s>[0-5]\d)")),
)


def form_shown(answers: Sequence[str]) -> AnswerForm | None:
    """The form that all `answers` keep to; None for fewer than three, or where they show none that is certain."""
    texts = [a.strip() for a in answers]
    if len(texts) < FEWEST or not all(texts):
        return None
    for read in (_object, _dates, _labels, _numbers):
        form = read(texts)
        if form is not None:
            return form
    return None


def _object(texts: Sequence[str]) -> AnswerForm | None:
    """JSON objects of the same keys in the same order."""
    if not all(t.startswith("{") and "\n" not in t for t in texts):
        return None
    try:
        values: list[Any] = [json.loads(t) for t in texts]
        keys = {tuple(v) for v in values if isinstance(v, dict)}
        if len(keys) != 1 or not all(isinstance(v, dict) and v for v in values):
            return None
        form = AnswerForm("text", keys=keys.pop())
    except (ValueError, RecursionError, ManifestError):
        return None
    return form if all(map(form.legal, texts)) else None


def _dates(texts: Sequence[str]) -> AnswerForm | None:
    """One shape of date or time. Where day and month cannot be told apart, two digits may be either."""
    fitting = []
    for pattern, shape in _DATE_SHAPES:
        form = AnswerForm("pattern", pattern=pattern)
        if all(shape.fullmatch(t) for t in texts) and all(map(form.legal, texts)):
            fitting.append(form)
    if len(fitting) > 1:
        return AnswerForm("pattern", pattern=re.sub("DD|MM|YYYY", lambda m: "N" * len(m.group()), fitting[0].pattern))
    return fitting[0] if fitting else None


def _labels(texts: Sequence[str]) -> AnswerForm | None:
    counts = Counter(texts)
    if len(texts) < _FEWEST_FOR_LABELS or not 2 <= len(counts) <= _MOST_LABELS:
        return None
    if min(counts.values()) < _TIMES_SEEN or len(counts) * _TIMES_SEEN > len(texts):
        return None
    try:
        return AnswerForm("labels", labels=tuple(sorted(counts)))
    except ManifestError:
        return None


def _numbers(texts: Sequence[str]) -> AnswerForm | None:
    if all(_INTEGER.fullmatch(t) for t in texts):
        padded = {len(t) for t in texts}
        if len(padded) == 1 and any(t.startswith("0") for t in texts) and len(texts[0]) > 1:
            return AnswerForm("pattern", pattern="N" * len(texts[0]))
        return AnswerForm("integer")
    return AnswerForm("number") if all(_NUMBER.fullmatch(t) for t in texts) else None

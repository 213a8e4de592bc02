"""The same-task test: does a description mean the task of a stored expert, or one beside it?

Vectors of descriptions put siblings together: first and last letter, singular and plural, to and from. The base, read
through the few-shot adapter, tells them apart by what they ask for. Of each expert a few rows (x, y) of its task are
kept; for a description d the **gap** is

    mean over rows of  log p(y | d, x) - mean over the expert's own descriptions d' of  log p(y | d', x)

in nats: about 0 for another wording of the same task, far below for a task that wants other answers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from genlora.adapter import AdapterState
from genlora.errors import ManifestError

Rows = tuple[tuple[str, str], ...]
"""(input, output) of a task."""

MOST_ROWS = 4
BY_CHANCE, SLIP = 0.05, 0.005
UNREADABLE = -100.0
"""A reader's answer where a description leaves no room for a row: nothing is known in its favour."""
LEAST_GAP, MOST_GAP = -4.0, 1.0
"""Beyond these a gap says no more: a description is as wrong, or as right, as can be."""


class Reader(Protocol):
    """Asks the base, with an adapter on it."""

    def __call__(self, adapter: AdapterState, questions: Sequence[tuple[str | None, Rows]]) -> list[float]:
        """For each (description, rows): the mean over rows of log p(output | description, input), in nats; None asks
        with the input alone.
        """
        ...


@dataclass(frozen=True)
class TaskRows:
    """What is kept of a stored expert's task for the same-task test."""

    rows: Rows
    own: float
    """Mean log p of the rows under the expert's own descriptions."""


def card_rows(record: Any, most: int | None = MOST_ROWS) -> Rows:
    """The samples on an expert's card, at most `most`: held-out rows that it was measured on."""
    kept = (getattr(record, "metrics", None) or {}).get("samples", [])
    return tuple((str(s["input"]), str(s["output"])) for s in kept if {"input", "output"} <= set(s))[:most]


def gap(read: float, known: TaskRows) -> float:
    """How much less probable a description makes the rows than the task's own, bounded and rounded to hundredths: the
    last bits, which differ from processor to processor, must not decide.
    """
    return round(min(MOST_GAP, max(LEAST_GAP, read - known.own)), 2)


def kept_given(kept: float, read: float, n: int) -> float:
    """The share `kept` of its own score that an expert was expected to keep, seen the user's `n` examples, whose mean
    log-probability under the expert is `read`.

    Bayes: an expert of another task gives an answer that is right about `BY_CHANCE`; one of this task gives it with the
    probability read, but a single slip must not rule it out (`SLIP`).
    """
    odds = 1.0
    if n:
        odds = (max(SLIP, math.exp(read)) / BY_CHANCE) ** n
    return kept * odds / (kept * odds + 1.0 - kept) if 0.0 < kept < 1.0 else kept


def read_rows(config: Mapping[str, Any]) -> dict[str, TaskRows]:
    """{expert: rows} of an artefact's config; empty where it has none. Raises `ManifestError`."""
    out: dict[str, TaskRows] = {}
    try:
        for name, about in config.get("rows", {}).items():
            rows = tuple((str(x), str(y)) for x, y in about["rows"])
            out[str(name)] = TaskRows(rows, float(about["own"]))
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise ManifestError(f"rows of tasks are not readable ({err!r}). Restore it, or: genlora train auto") from err
    return out

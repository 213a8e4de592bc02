"""Requests whose truth is known, and how each way of answering them does: what expected accuracy is calibrated on.

To calibrate, only calibration and validation splits are read: stored tasks in other words, near misses, practical
tasks, the catalogue's validation tasks, held-out specs of the stream. Answers are rated by forcing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from genlora.adapter import AdapterState, attached
from genlora.base import LoadedBase
from genlora.errors import ConfigError
from genlora.tasks import (
    Example,
    catalogue,
    catalogue_task,
    catalogue_tasks,
    probes,
    sample,
    third_wordings,
    wordings,
)
from genlora.tasks.stream import GROUP, spec
from genlora.train import SHOWN, Dialogue, described_rows, dialogue, forced

from ._answers import forced_score

Source = Literal["other words", "apart", "near miss", "practical", "validation", "test-near", "test-far", "near", "far"]
Split = Literal["calibration", "test"]
CatalogueRole = Literal["validation", "test-near", "test-far"]

TURNS = max(SHOWN) + 1
DIALOGUES = 3
"""Dialogues a request is rated by: so many answers for each number of examples."""
LONGEST = 480
_TOGETHER = 8
"""Requests whose sequences are batched by length."""
_ROLES: dict[Split, tuple[CatalogueRole, ...]] = {"calibration": ("validation",), "test": ("test-near", "test-far")}
"""Of the catalogue's tasks that nothing is trained on."""
_SEEDS: dict[Split, int] = {"calibration": 2, "test": 3}
"""Of the stream's held-out specs."""


@dataclass(frozen=True)
class ReferenceRequest:
    """One request with examples that nobody trains on."""

    name: str
    source: Source
    description: str
    examples: tuple[Example, ...] = field(repr=False)
    own: str = ""
    """The stored expert that is right for it, if there is one."""


def reference_requests(
    stored: Sequence[str],
    *,
    words_folder: Path | None = None,
    specs: int = 60,
    split: Split = "calibration",
    wording: Literal[0, 1, 2] = 0,
) -> list[ReferenceRequest]:
    """All requests to calibrate on, or with `split` *test* those to judge by, which are to be asked once.

    `stored` are the bank's experts; those that the catalogue knows come in other words. To calibrate, a task comes in
    every wording that there is, close, far, and by another hand; all else in one of two, 0 to judge and 1 to judge
    again. To judge there is a third one, 2. Raises `ConfigError` for a third one to calibrate.
    """
    if wording == 2 and split == "calibration":
        raise ConfigError("there are two wordings to calibrate on, and three to judge by. Choose 0 or 1.")
    n = TURNS * DIALOGUES
    held: Literal["validation", "test"] = "validation" if split == "calibration" else "test"
    out: list[ReferenceRequest] = []
    known, third = catalogue(), third_wordings()

    def said_by(name: str, ways: Sequence[str]) -> str:
        return third[name] if wording == 2 else ways[wording]

    for probe in probes("other-words", split=split):
        entry = known.get(probe.near)
        if probe.near not in stored or entry is None or (entry.scheme == "words" and words_folder is None):
            continue
        rows = sample(catalogue_task(probe.near, words_folder=words_folder).split(held), n, seed=0)
        if split == "calibration":
            more = wordings().get(probe.near)
            said = [*probe.descriptions, *(more.held.same[:1] if more else ())]
        else:
            said = [said_by(probe.near, probe.descriptions)]
        out += [ReferenceRequest(probe.near, "other words", text, rows, probe.near) for text in said]
    for probe in probes("near-misses", split=held):
        out.append(ReferenceRequest(probe.name, "near miss", said_by(probe.name, probe.descriptions), probe.rows))
    for probe in probes("practical", split=held):
        said = said_by(probe.name, probe.descriptions)
        out.append(ReferenceRequest(probe.name, "practical", said, probe.rows[:n]))
    for role in _ROLES[split]:
        for task in catalogue_tasks(role, words_folder=words_folder):
            rows = sample(task.split(held), n, seed=0)
            out.append(ReferenceRequest(task.name, role, said_by(task.name, task.unseen_descriptions), rows))
    for part in ("near", "far"):
        for i in range(specs):
            found = spec(_SEEDS[split] + 2 * wording, GROUP * (i // 4) + 4 + i % 4, split=part)
            out.append(ReferenceRequest(found.name, part, found.description(), tuple(found.rows(n))))
    return [r for r in out if len(r.examples) >= TURNS]


def apart_requests(stored: Sequence[str]) -> list[ReferenceRequest]:
    """Requests that only look like the task of a stored expert, to calibrate on; without rows, for nobody's answers to
    them are known but that the expert's are wrong.
    """
    known = wordings()
    return [
        ReferenceRequest(name, "apart", text, ())
        for name in stored
        if name in known
        for text in known[name].held.different
    ]


def rate_fewshot(
    base: LoadedBase,
    state: AdapterState | None,
    requests: Sequence[ReferenceRequest],
    *,
    on_request: Callable[[int], None] = lambda done: None,
) -> list[dict[int, float]]:
    """For each request: {examples before it: share of answers right} with the description in the first turn.

    Without examples every row is asked on its own; with some, the turns of a few dialogues. None is the base alone.
    """
    out: list[dict[int, float]] = []
    with attached(base.model, state):
        for start in range(0, len(requests), _TOGETHER):
            asked = [_sequences(base, r) for r in requests[start : start + _TOGETHER]]
            marks = iter(forced(base, [d for turns, alone in asked for d in (*turns, *alone)]))
            for turns, alone in asked:
                seen = [next(marks) for _ in turns]
                rows = [mark for _ in alone for mark in next(marks)]
                shares = {}
                for k in SHOWN:
                    right = rows if k == 0 and rows else [m[k] for m in seen if len(m) > k]
                    shares[k] = sum(right) / len(right) if right else 0.0
                out.append(shares)
                on_request(len(out))
    return out


def _sequences(base: LoadedBase, request: ReferenceRequest) -> tuple[list[Dialogue], list[Dialogue]]:
    """The dialogues of a request, and the pack of its rows asked alone; what does not fit is left out."""
    groups = [request.examples[i : i + TURNS] for i in range(0, len(request.examples) - TURNS + 1, TURNS)]
    made = [dialogue(base.tokenizer, g, request.description, max_tokens=LONGEST) for g in groups]
    rows = described_rows(base.tokenizer, request.examples, request.description, max_tokens=LONGEST)
    return [d for d in made if d is not None], [rows] if rows is not None else []


def rate_experts(
    base: LoadedBase,
    experts: Mapping[str, AdapterState],
    asked: Sequence[tuple[str, ReferenceRequest]],
    *,
    on_answer: Callable[[int], None] = lambda done: None,
) -> list[float]:
    """For each (expert, request): the share of the request's bare inputs that the expert answers right."""
    out: dict[int, float] = {}
    for name in sorted({name for name, _ in asked}):
        with attached(base.model, experts[name]):
            for i in [i for i, (n, _) in enumerate(asked) if n == name]:
                out[i] = forced_score(base, asked[i][1].examples)[0]
                on_answer(len(out))
    return [out[i] for i in range(len(asked))]

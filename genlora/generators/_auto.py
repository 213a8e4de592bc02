"""The default generator: answers each request in the way that is expected to be right most often, and says how often.

The ways are one of the bank's nearest experts, asked with the bare input, and the few-shot adapter, asked with the
description and the examples that the user gave. What each is worth for a request is read from tables of requests whose
truth is known (`_expected`). For an expert the table holds how much of its own score it keeps, by how near the request
is and by the same-task test (`_reading`): a sibling of a stored task is near, and wrong. A request in the words of an
expert's card is that expert's: nothing has to be estimated. A *quick* request does without
that test, and without the base. Without tables for the bank's embedder, the nearest expert answers and nothing is
claimed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from genlora.adapter import AdapterState
from genlora.errors import ManifestError, UnknownGeneratorError
from genlora.lru import Lru

from ._aggregate import AggregateGenerator
from ._artefact import Artefact
from ._clock import Stopwatch
from ._coverage import Calibration
from ._expected import ExpectedAccuracy, WayTable, measured, read_tables
from ._multitask import FewshotGenerator
from ._nearness import nearness, newness
from ._neighbourhood import Neighbourhood, neighbourhood
from ._protocol import BankLike, Generated, Request, Vector
from ._reading import UNREADABLE, Reader, gap, kept_given, read_rows

Way = Literal["expert", "fewshot"]

SHOWN = (0, 1, 3)
"""Numbers of worked examples for which there are tables."""
CANDIDATES = 3
"""Nearest experts that the same-task test chooses from."""
UNMEASURED = 0.75
"""Score that an expert without one on its card is taken to have: somebody stored it because it works."""
GOOD_GAP = 0.2
"""The most that the same-task test could be expected to say in an expert's favour: 161 of 163 other wordings of the
bank's own tasks have less (benchmarks/RESULTS.md).
"""


OWN_WORDS = "these are the words of an expert's card"
NO_EXPERT = "no expert could be expected to do better than the few-shot adapter"
"""Reasons why the same-task test is not asked."""


def table_name(way: Way, shown: int = 0, *, quick: bool = True, inputs: bool = False) -> str:
    """The table of a way: `expert`, or `fewshot-K` for the largest K that the request's examples reach; `-inputs`
    stands behind where inputs were given, and `-quick` where the same-task test was left out.
    """
    name = (
        f"expert{'-inputs' if inputs else ''}" if way == "expert" else f"fewshot-{max(k for k in SHOWN if k <= shown)}"
    )
    return f"{name}-quick" if quick else name


class AutoGenerator:
    """Chooses between the bank's nearest expert and the few-shot adapter, request by request."""

    kind: str = "auto"

    def __init__(
        self,
        library: BankLike,
        calibration: Calibration,
        tables: Artefact | None = None,
        fewshot: Artefact | None = None,
        read: Reader | None = None,
    ) -> None:
        self.library = library
        self.calibration = calibration
        self.digest = tables.digest if tables is not None else ""
        self.tables: Mapping[str, WayTable] = read_tables(tables.config, tables.tensors) if tables is not None else {}
        self.rows = read_rows(tables.config) if tables is not None else {}
        self.centres = read_centres(tables) if tables is not None else {}
        self._read = read
        self._experts = AggregateGenerator(library, calibration)
        fits = fewshot is not None and fewshot.layout.fingerprint == library.layout.fingerprint
        self._fewshot = FewshotGenerator(library, calibration, fewshot) if fewshot is not None and fits else None

    def generate(self, request: Request, vector: Vector) -> Generated:
        """The adapter of the best way; the choice and its reason are in `made_by`."""
        watch = Stopwatch()
        near = neighbourhood(self.library, self.calibration, request, vector, watch)
        with watch("read"):
            unread = self.unread(request, vector, near)
            gaps = {} if unread else self.gaps(request, near)
            seen = self.seen(request, near, gaps)
        at, expected = self.expected(request, vector, near, gaps, seen)
        if unread == NO_EXPERT:
            expected.pop("expert", None)
        if request.prompt == "bare":  # the few-shot adapter would not know what is wanted
            expected.pop("fewshot", None)
        chosen = self.choose(expected)
        made = self.make(chosen, request, vector, near, at)
        why = (
            "nothing is known of this bank's requests"
            if not expected
            else ", ".join(f"{way} {e.value:.2f}" for way, e in expected.items())
        )
        record: dict[str, Any] = {"chosen": chosen, "why": f"expected accuracy: {why}" if expected else why}
        if self.digest:
            record["tables"] = self.digest
        if gaps:
            record["gaps"] = gaps
        if unread:
            record["unread"] = unread
        alike = {n.name: x for n in near.found[:CANDIDATES] if (x := self._inputs(request, n.name)) is not None}
        if alike:
            record["inputs_alike"] = alike
        if seen:
            record["examples_read"] = seen
        return replace(
            made,
            expected=expected.get(chosen),
            advice=self.advice(request, vector, near, gaps, expected.get(chosen)),
            prompt="bare" if chosen == "expert" else "described",
            warnings=made.warnings if not expected else (),  # the figure says it all
            made_by={**record, **made.made_by},
            times_ms={**watch.ms, **made.times_ms},
        )

    @property
    def alone(self) -> Lru[tuple[str, str, int], tuple[AdapterState, float]]:
        """The adapters of single experts that are kept."""
        return self._experts.alone

    @property
    def artefact(self) -> Artefact | None:
        """What the few-shot adapter was read from."""
        return None if self._fewshot is None else self._fewshot.artefact

    @property
    def asks_base(self) -> bool:
        """Whether it has a reader, and tables to judge what that says."""
        return self._read is not None and self._fewshot is not None and table_name("expert", quick=False) in self.tables

    def unread(self, request: Request, vector: Vector, near: Neighbourhood) -> str:
        """Why the same-task test is not asked, which takes most of a request's time: it could not change who answers.
        Empty where it could, and where there is no such test.
        """
        if request.quick or request.shots or request.inputs is not None or not self.asks_base:
            return ""
        if in_its_own_words(self.library, near.found[0].name, request.description) is not None:
            return OWN_WORDS
        few = self._few(0, vector, near, {})
        if request.prompt == "bare" or few is None:
            return ""
        table = self.tables[table_name("expert", quick=False)]
        for i in range(min(CANDIDATES, len(near.found))):
            name = near.found[i].name
            kept = table.expect(nearness(self.library, vector, near, i, gap=GOOD_GAP).features)
            if _times(kept, own_score(self.library, name)).value >= few.value:
                return ""
        return NO_EXPERT

    def gaps(self, request: Request, near: Neighbourhood) -> dict[str, float]:
        """The same-task test's result for the nearest experts of which rows are known; empty for a quick request."""
        if request.quick or request.description is None or not self.asks_base:
            return {}
        assert self._read is not None and self._fewshot is not None
        names = [n.name for n in near.found[:CANDIDATES] if n.name in self.rows]
        found = self._read(self._fewshot.state, [(request.description, self.rows[n].rows) for n in names])
        return {n: gap(x, self.rows[n]) for n, x in zip(names, found, strict=True)}

    def seen(self, request: Request, near: Neighbourhood, gaps: Mapping[str, float]) -> dict[str, float]:
        """Mean log-probability of the user's examples under each candidate, asked with the bare input."""
        if request.quick or not request.shots or self._read is None or not self.tables:
            return {}
        places = self._candidates(request, near, gaps)
        found = [self._read(near.states[i], [(None, request.shots)])[0] for i in places]
        return {near.found[i].name: round(x, 2) for i, x in zip(places, found, strict=True) if x > UNREADABLE}

    def expected(
        self,
        request: Request,
        vector: Vector,
        near: Neighbourhood,
        gaps: Mapping[str, float],
        seen: Mapping[str, float],
    ) -> tuple[int, dict[Way, ExpectedAccuracy]]:
        """The place of the best expert among the nearest, and what each way is worth; empty without tables."""
        out: dict[Way, ExpectedAccuracy] = {}
        at = 0
        if table_name("expert") in self.tables:
            places = self._candidates(request, near, gaps)
            experts = {i: self._expert(request, vector, near, i, gaps, seen) for i in places}
            at = max(experts, key=lambda i: (experts[i].value, -i))
            out["expert"] = experts[at]
        if self._fewshot is not None and (few := self._few(request.shown, vector, near, gaps)):
            out["fewshot"] = few
        return at, out

    def _few(
        self, shown: int, vector: Vector, near: Neighbourhood, gaps: Mapping[str, float]
    ) -> ExpectedAccuracy | None:
        """What the few-shot adapter is worth with so many examples; None without a table."""
        table = self.tables.get(table_name("fewshot", shown, quick=not gaps))
        return None if table is None else table.expect(newness(self.library, vector, near, gaps.values()))

    def _candidates(self, request: Request, near: Neighbourhood, gaps: Mapping[str, float]) -> list[int]:
        """Places of the nearest expert, and of those next to it of which more is known than that they are near."""
        return [
            i
            for i, n in enumerate(near.found[:CANDIDATES])
            if i == 0
            or n.name in gaps
            or self._inputs(request, n.name) is not None
            or in_its_own_words(self.library, n.name, request.description) is not None
        ]

    def _expert(
        self,
        request: Request,
        vector: Vector,
        near: Neighbourhood,
        at: int,
        gaps: Mapping[str, float],
        seen: Mapping[str, float],
    ) -> ExpectedAccuracy:
        name = near.found[at].name
        if not request.shots and (known := in_its_own_words(self.library, name, request.description)) is not None:
            return known
        seen_inputs = self._inputs(request, name)
        table = self.tables[table_name("expert", quick=name not in gaps, inputs=seen_inputs is not None)]
        kept = table.expect(nearness(self.library, vector, near, at, gap=gaps.get(name), inputs=seen_inputs).features)
        if name in seen:
            n = request.shown
            kept = ExpectedAccuracy(
                *(round(kept_given(x, seen[name], n), 3) for x in (kept.value, kept.low, kept.high))
            )
        found = _times(kept, own_score(self.library, name))
        gain = getattr(self.library.get(name), "gain", None)
        if name in seen and gain and gain.get("n"):  # what is sure of it is no surer than its own score
            own = measured(float(gain["own"]) * int(gain["n"]), int(gain["n"]))
            low, high = (round(kept.value * x, 3) for x in (own.low, own.high))
            found = replace(found, low=min(found.low, low), high=max(found.high, high))
        return found

    def _inputs(self, request: Request, name: str) -> float | None:
        """How alike the request's inputs are to an expert's; None where either is not known."""
        if request.inputs is None or name not in self.centres or table_name("expert", inputs=True) not in self.tables:
            return None
        return input_similarity(request.inputs, self.centres[name])

    def advice(
        self,
        request: Request,
        vector: Vector,
        near: Neighbourhood,
        gaps: Mapping[str, float],
        now: ExpectedAccuracy | None,
    ) -> dict[str, ExpectedAccuracy]:
        """What examples would be expected to bring, where that is more than there is."""
        if now is None or self._fewshot is None or request.prompt == "bare":
            return {}
        found = {}
        for shown, name in ((1, "one example"), (3, "three examples")):
            then = self._few(shown, vector, near, gaps) if shown > request.shown else None
            if then is not None and then.value > now.value + 0.05:
                found[name] = then
        return found

    def choose(self, expected: Mapping[Way, ExpectedAccuracy]) -> Way:
        """The way of the highest expected accuracy; the expert where nothing is known or it ties."""
        if not expected:
            return "expert"
        return max(expected, key=lambda way: (expected[way].value, way == "expert"))

    def make(self, way: Way, request: Request, vector: Vector, near: Neighbourhood, at: int = 0) -> Generated:
        """The adapter of one way, `at` the expert's place among the nearest. Raises `UnknownGeneratorError` where the
        few-shot adapter has not been trained.
        """
        if way == "expert":
            return self._experts.generate(request, vector, near.only(at))
        if self._fewshot is None:
            raise UnknownGeneratorError("generator 'fewshot' has to be trained. Train it with: genlora train fewshot")
        return self._fewshot.generate(request, vector, near)


def input_similarity(inputs: Vector, centre: Vector) -> float:
    """Cosine of two unit means of inputs, rounded: the last bits must not decide."""
    return round(float(np.dot(inputs.astype(np.float64), centre.astype(np.float64))), 3)


def read_centres(tables: Artefact) -> dict[str, Vector]:
    """{expert: unit mean of the inputs on its card}, empty in tables without. Raises `ManifestError`."""
    names, found = tables.config.get("inputs", []), tables.tensors.get("inputs")
    if not names:
        return {}
    if found is None or found.ndim != 2 or len(found) != len(names):
        raise ManifestError("not a table of inputs. Restore it, or: genlora train auto")
    rows = found.float().numpy()
    return dict(
        zip(map(str, names), rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), strict=True)
    )


def own_score(library: BankLike, name: str) -> float | None:
    """The expert's measured share of right answers on its own task; None if it was never measured."""
    gain = getattr(library.get(name), "gain", None)
    return None if not gain or "own" not in gain else float(gain["own"])


def in_its_own_words(library: BankLike, name: str, description: str | None) -> ExpectedAccuracy | None:
    """What a request is worth that says what the expert's card says: the expert's own score, which was measured. None
    for other words, and for an expert that was never measured.
    """
    record = library.get(name)
    gain = getattr(record, "gain", None)
    if description is None or not gain or "own" not in gain or not gain.get("n"):
        return None
    if _plain(description) not in map(_plain, record.descriptions):
        return None
    return measured(float(gain["own"]) * int(gain["n"]), int(gain["n"]))


def _plain(text: str) -> str:
    """Without case, spacing and the sentence's end, which say nothing of the task; signs and quotes do."""
    return " ".join(text.casefold().split()).rstrip(".!? ")


def _times(kept: ExpectedAccuracy, own: float | None) -> ExpectedAccuracy:
    """What an expert of score `own` keeps; one that was never measured is taken for a usual one, and may be worth
    nothing.
    """
    if own is None:
        return ExpectedAccuracy(round(UNMEASURED * kept.value, 3), 0.0, kept.high)
    return ExpectedAccuracy(*(round(own * x, 3) for x in (kept.value, kept.low, kept.high)))

"""The default generator: picks by coverage, with bounds chosen on validation tasks, and says why.

Near the bank's own tasks (coverage at or above `held`) the nearest expert is the answer; elsewhere the hypernetwork's
update and the neighbours' are added up, `experts` being the neighbours' share: they err in different ways. Below
`unsupported` the multi-task adapter answers, because nothing suggests that the description is understood. A bound that
validation did not support is absent, and its branch is never taken. Without a hypernetwork for the bank's base,
everything goes to the experts.
"""

from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeVar

from genlora.errors import UnknownGeneratorError

from ._aggregate import PLACES, AggregateGenerator, Neighbourhood, Stopwatch, combine, neighbourhood
from ._artefact import Artefact
from ._coverage import Calibration
from ._hypernet import HypernetGenerator
from ._multitask import MultitaskGenerator
from ._protocol import Generated, Library, Request, Vector

Choice = Literal["aggregate", "nearest", "blend", "hypernet", "multitask"]


class AutoGenerator:
    """Chooses among the bank's experts, `hypernet`, a blend of both, and `multitask` for each request."""

    kind: ClassVar[str] = "auto"

    def __init__(
        self,
        library: Library,
        calibration: Calibration,
        rule: Artefact | None = None,
        hypernet: Artefact | None = None,
        multitask: Artefact | None = None,
    ) -> None:
        self.library = library
        self.calibration = calibration
        bounds = rule.config if rule is not None else {}
        self.held: float | None = bounds.get("held")
        self.unsupported: float | None = bounds.get("unsupported")
        self.experts = float(bounds.get("experts", 0.0))
        self.rule = rule.digest if rule is not None else ""
        self._experts = AggregateGenerator(library, calibration)
        hypernet, multitask = _fitting(hypernet, library), _fitting(multitask, library)
        self._hypernet = HypernetGenerator(library, calibration, hypernet) if hypernet else None
        self._multitask = MultitaskGenerator(library, calibration, multitask) if multitask else None

    def generate(self, request: Request, vector: Vector) -> Generated:
        """The chosen adapter; the choice and its reason are in `made_by`."""
        watch = Stopwatch()
        near = neighbourhood(self.library, self.calibration, request, vector, watch)
        chosen, why = self.choose(near.coverage.value)
        made = self.make(chosen, request, vector, near)
        record: dict[str, Any] = {"chosen": chosen, "why": why, **made.made_by}
        if self.rule:
            record["rule"] = self.rule
        return replace(made, made_by=record, times_ms={**watch.ms, **made.times_ms})

    def choose(self, coverage: float) -> tuple[Choice, str]:
        """Who answers a request of this coverage, and why."""
        if self._hypernet is None:
            return "aggregate", "no hypernetwork was trained for this base"
        if self.held is not None and coverage >= self.held:
            return "nearest", f"coverage {coverage:.2f} is at least {self.held:.2f}: the bank holds such a task"
        if self._multitask is not None and self.unsupported is not None and coverage < self.unsupported:
            return "multitask", f"coverage {coverage:.2f} is under {self.unsupported:.2f}: nothing near it is known"
        return "blend" if self.experts else "hypernet", (
            f"coverage {coverage:.2f}: the bank holds no such task, but tasks to infer it from"
        )

    def make(self, chosen: Choice, request: Request, vector: Vector, near: Neighbourhood) -> Generated:
        """The adapter of one of the choices. Raises `UnknownGeneratorError` for one that has not been trained."""
        match chosen:
            case "aggregate":
                return self._experts.generate(request, vector, near)
            case "nearest":
                return self._experts.generate(request, vector, near.nearest())
            case "multitask":
                return _trained(self._multitask, chosen).generate(request, vector, near)
            case "hypernet":
                return _trained(self._hypernet, chosen).generate(request, vector, near)
        made = _trained(self._hypernet, "hypernet").generate(replace(request, rank=None), vector, near)
        return self.blend(made, near, request, self.experts)

    def blend(self, made: Generated, near: Neighbourhood, request: Request, share: float) -> Generated:
        """The hypernetwork's update times `1 - share` and the neighbours' weighted ones times `share` (0 to 1), summed
        exactly and compressed once.
        """
        watch = Stopwatch()
        weights = [1 - share, *(share * w for w in near.weights)]
        with watch("combine"):
            adapter, discarded = combine(
                [made.adapter, *near.states[: near.used]], weights, rank=request.rank or self.library.rank
            )
        return replace(
            made,
            adapter=adapter,
            neighbours=near.contributions,
            discarded=round(discarded, PLACES),
            made_by={**made.made_by, "experts": share},
            times_ms={**made.times_ms, **watch.ms},
        )


_Trained = TypeVar("_Trained", HypernetGenerator, MultitaskGenerator)


def _trained(generator: _Trained | None, kind: str) -> _Trained:
    if generator is None:
        raise UnknownGeneratorError(f"generator {kind!r} has to be trained. Train it with: genlora train {kind}")
    return generator


def _fitting(artefact: Artefact | None, library: Library) -> Artefact | None:
    """The artefact, if it is for the library's base."""
    return artefact if artefact is not None and artefact.layout.fingerprint == library.layout.fingerprint else None


def optional(find: Any, kind: str) -> Artefact | None:
    """The artefact of `kind`, or None where there is none."""
    try:
        return find(kind)
    except UnknownGeneratorError:
        return None

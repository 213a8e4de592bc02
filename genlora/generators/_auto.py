"""The default generator: picks by coverage, with bounds chosen on validation tasks, and says why.

Near the bank's own tasks (coverage at or above `held`) the nearest expert is the answer; elsewhere the updates of the
hypernetwork, of the neighbours (`experts` is their share) and of the described multi-task adapter (`described`) are
added up: they err in different ways. Below `unsupported` the multi-task adapter answers, because nothing suggests that
the description is understood. There is a rule for each prompt mode. A bound that validation did not support is absent,
and its branch is never taken. Without a hypernetwork for the bank's base, everything goes to the experts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, TypeVar

from genlora.errors import ManifestError, UnknownGeneratorError

from ._aggregate import AggregateGenerator, combine
from ._artefact import Artefact
from ._clock import Stopwatch
from ._coverage import Calibration
from ._hypernet import HypernetGenerator
from ._multitask import DescribedMultitaskGenerator, MultitaskGenerator
from ._neighbourhood import PLACES, Neighbourhood, neighbourhood
from ._protocol import Generated, Library, PromptMode, Request, Vector

Choice = Literal["aggregate", "nearest", "blend", "hypernet", "multitask", "multitask-described"]


@dataclass(frozen=True)
class AutoRule:
    """What is done in one prompt mode; shares are of the blend's update, the rest is the hypernetwork's."""

    experts: float = 0.0
    """The nearest experts' share."""
    described: float = 0.0
    """The share of the multi-task adapter that was trained with descriptions in its prompts."""
    held: float | None = None
    unsupported: float | None = None

    @classmethod
    def read(cls, config: Mapping[str, Any], prompt: PromptMode) -> Self:
        """The rule for a prompt mode from an artefact's config, the bare one's where there is no other."""
        try:
            return cls(**(config.get(prompt) or config["bare"])) if config else cls()
        except (KeyError, TypeError) as err:
            raise ManifestError(f"auto: not a rule ({err}). Restore the artefact, or: genlora train auto") from err


class AutoGenerator:
    """Chooses among the bank's experts, `hypernet`, the multi-task adapters, and blends of them for each request."""

    kind: ClassVar[str] = "auto"

    def __init__(
        self,
        library: Library,
        calibration: Calibration,
        rule: Artefact | None = None,
        hypernet: Artefact | None = None,
        multitask: Artefact | None = None,
        described: Artefact | None = None,
    ) -> None:
        self.library = library
        self.calibration = calibration
        config = rule.config if rule is not None else {}
        self.rules: dict[PromptMode, AutoRule] = {p: AutoRule.read(config, p) for p in ("bare", "described")}
        self.rule = rule.digest if rule is not None else ""
        self._experts = AggregateGenerator(library, calibration)
        hypernet, multitask, described = (_fitting(x, library) for x in (hypernet, multitask, described))
        self._hypernet = HypernetGenerator(library, calibration, hypernet) if hypernet else None
        self._multitask = MultitaskGenerator(library, calibration, multitask) if multitask else None
        self._described = DescribedMultitaskGenerator(library, calibration, described) if described else None

    def generate(self, request: Request, vector: Vector) -> Generated:
        """The chosen adapter; the choice and its reason are in `made_by`."""
        watch = Stopwatch()
        near = neighbourhood(self.library, self.calibration, request, vector, watch)
        rule = self.rules[request.prompt]
        chosen, why = self.choose(near.coverage.value, rule)
        made = (
            self.blend(request, vector, near, rule) if chosen == "blend" else self.make(chosen, request, vector, near)
        )
        record: dict[str, Any] = {"chosen": chosen, "why": why, **made.made_by}
        if self.rule:
            record["rule"] = self.rule
        return replace(made, made_by=record, times_ms={**watch.ms, **made.times_ms})

    def choose(self, coverage: float, rule: AutoRule) -> tuple[Choice, str]:
        """Who answers a request of this coverage, and why."""
        if self._hypernet is None:
            return "aggregate", "no hypernetwork was trained for this base"
        if rule.held is not None and coverage >= rule.held:
            return "nearest", f"coverage {coverage:.2f} is at least {rule.held:.2f}: the bank holds such a task"
        if self._multitask is not None and rule.unsupported is not None and coverage < rule.unsupported:
            return "multitask", f"coverage {coverage:.2f} is under {rule.unsupported:.2f}: nothing near it is known"
        why = f"coverage {coverage:.2f}: the bank holds no such task, but tasks to infer it from"
        return "blend" if rule.experts or (rule.described and self._described) else "hypernet", why

    def make(self, chosen: Choice, request: Request, vector: Vector, near: Neighbourhood) -> Generated:
        """The adapter of one choice, blends excepted. Raises `UnknownGeneratorError` where it has not been trained."""
        match chosen:
            case "aggregate":
                return self._experts.generate(request, vector, near)
            case "nearest":
                return self._experts.generate(request, vector, near.nearest())
            case "multitask":
                return _trained(self._multitask, chosen).generate(request, vector, near)
            case "multitask-described":
                return _trained(self._described, chosen).generate(request, vector, near)
            case _:
                return _trained(self._hypernet, "hypernet").generate(request, vector, near)

    def blend(self, request: Request, vector: Vector, near: Neighbourhood, rule: AutoRule) -> Generated:
        """The three updates by their shares, summed exactly, compressed once; what has not been trained drops out."""
        watch = Stopwatch()
        whole = replace(request, rank=None)
        described = rule.described if self._described is not None else 0.0
        parts: list[tuple[float, Choice]] = [
            (1 - rule.experts - described, "hypernet"),
            (described, "multitask-described"),
        ]
        made = [(w, self.make(kind, whole, vector, near)) for w, kind in parts if w > 0]
        weights = [w for w, _ in made] + [rule.experts * w for w in near.weights if rule.experts]
        states = [m.adapter for _, m in made] + [s for s in near.states[: near.used] if rule.experts]
        with watch("combine"):
            adapter, discarded = combine(
                states, [w / sum(weights) for w in weights], rank=request.rank or self.library.rank
            )
        first = made[0][1]
        record = {**first.made_by, "experts": rule.experts}
        if described and self._described is not None:
            record |= {"described": described, "described_artefact": self._described.artefact.digest}
        return replace(
            first,
            adapter=adapter,
            neighbours=near.contributions if rule.experts else first.neighbours,
            discarded=round(discarded, PLACES),
            made_by=record,
            licences=tuple(sorted({x for _, m in made for x in m.licences})),
            times_ms={**first.times_ms, **watch.ms},
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

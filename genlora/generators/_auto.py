"""The default generator: picks another one by coverage, with bounds chosen on validation tasks, and says why.

Near the bank's own tasks (coverage at or above `held`) the nearest experts answer; elsewhere the hypernetwork does;
below `unsupported` the multi-task adapter, because nothing suggests that the description is understood. A bound that
validation did not support is absent, and its branch is never taken. Without a hypernetwork for the bank's base,
everything goes to the experts.
"""

from dataclasses import replace
from typing import Any, ClassVar

from genlora.errors import UnknownGeneratorError

from ._aggregate import AggregateGenerator, Stopwatch, neighbourhood
from ._artefact import Artefact
from ._coverage import Calibration
from ._hypernet import HypernetGenerator
from ._multitask import MultitaskGenerator
from ._protocol import Generated, Library, Request, Vector


class AutoGenerator:
    """Chooses among `aggregate`, `hypernet` and `multitask` for each request."""

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
        self.rule = rule.digest if rule is not None else ""
        self._experts = AggregateGenerator(library, calibration)
        hypernet, multitask = _fitting(hypernet, library), _fitting(multitask, library)
        self._hypernet = HypernetGenerator(library, calibration, hypernet) if hypernet else None
        self._multitask = MultitaskGenerator(library, calibration, multitask) if multitask else None

    def generate(self, request: Request, vector: Vector) -> Generated:
        """The chosen generator's adapter; the choice and its reason are in `made_by`."""
        watch = Stopwatch()
        near = neighbourhood(self.library, self.calibration, request, vector, watch)
        chosen, why = self._choose(near.coverage.value)
        made = chosen.generate(request, vector, near)
        record: dict[str, Any] = {"chosen": chosen.kind, "why": why, **made.made_by}
        if self.rule:
            record["rule"] = self.rule
        return replace(made, made_by=record, times_ms={**watch.ms, **made.times_ms})

    def _choose(self, coverage: float) -> tuple[AggregateGenerator | HypernetGenerator | MultitaskGenerator, str]:
        if self._hypernet is None:
            return self._experts, "no hypernetwork was trained for this base"
        if self.held is not None and coverage >= self.held:
            return self._experts, f"coverage {coverage:.2f} is at least {self.held:.2f}: the bank holds such a task"
        if self._multitask is not None and self.unsupported is not None and coverage < self.unsupported:
            return self._multitask, f"coverage {coverage:.2f} is under {self.unsupported:.2f}: nothing near it is known"
        return self._hypernet, f"coverage {coverage:.2f}: the bank holds no such task, but tasks to infer it from"


def _fitting(artefact: Artefact | None, library: Library) -> Artefact | None:
    """The artefact, if it is for the library's base."""
    return artefact if artefact is not None and artefact.layout.fingerprint == library.layout.fingerprint else None


def optional(find: Any, kind: str) -> Artefact | None:
    """The artefact of `kind`, or None where there is none."""
    try:
        return find(kind)
    except UnknownGeneratorError:
        return None

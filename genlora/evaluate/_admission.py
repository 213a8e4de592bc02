"""Whether an expert is worth storing: it must beat the base and the majority answer on examples nobody trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from genlora.adapter import AdapterState
from genlora.base import LoadedBase
from genlora.errors import TaskError
from genlora.tasks import Task, score_answers

from ._answers import answer, held_out, majority
from ._statistics import Difference, paired_difference

MIN_EXAMPLES = 50
MAX_EXAMPLES = 60


@dataclass(frozen=True)
class Admission:
    """The measurement behind an expert's card."""

    name: str
    admitted: bool
    reason: str
    n: int
    own: float
    base: float
    majority: float
    over_base: Difference | None
    over_majority: Difference | None
    lenient: dict[str, float]
    format_valid: dict[str, float]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Undo `dataclasses.asdict`."""
        fields: dict[str, Any] = dict(data)
        for key in ("over_base", "over_majority"):
            fields[key] = Difference(**data[key]) if data[key] else None
        return cls(**fields)

    def gain(self) -> dict[str, Any]:
        """For the bank's card: strict scores in 0..1 and the two-sided 80 % interval of own - base."""
        d = self.over_base
        return {
            "own": self.own,
            "base": self.base,
            "majority": self.majority,
            "n": self.n,
            "interval": [d.low, d.high] if d else None,
            "confidence": 0.8,
        }


def admit(base: LoadedBase, task: Task, state: AdapterState, *, base_answers: Sequence[str] | None = None) -> Admission:
    """Measure on the test split (50 to 60 examples), bare prompts, greedy decoding, strict scores; one-sided 90 %.

    `base_answers` are the base's own answers to the same examples, when they are known already.
    """
    examples = held_out(task, MAX_EXAMPLES)
    if not examples:
        raise TaskError(f"{task.name}: its test split is empty. Give the task more examples.")
    own = answer(base, task, examples, state=state).scores
    plain = score_answers(task, examples, base_answers) if base_answers else answer(base, task, examples).scores
    most = majority(task, examples)
    means = {"own": own, "base": plain, "majority": most}
    reason, over_base, over_majority = "", None, None
    if len(examples) < MIN_EXAMPLES:
        reason = f"only {len(examples)} held-out examples, {MIN_EXAMPLES} needed"
    else:
        over_base = paired_difference(own.strict, plain.strict)
        over_majority = paired_difference(own.strict, most.strict)
        if over_base.low <= 0:
            reason = (
                f"does not beat the base: {own.strict_mean:.3f} against {plain.strict_mean:.3f} "
                f"(90 % bound {over_base.low:+.3f})"
            )
        elif over_majority.low <= 0:
            reason = (
                f"does not beat the majority answer: {own.strict_mean:.3f} against {most.strict_mean:.3f} "
                f"(90 % bound {over_majority.low:+.3f})"
            )
    return Admission(
        name=task.name,
        admitted=not reason,
        reason=reason or "beats base and majority answer",
        n=len(examples),
        own=own.strict_mean,
        base=plain.strict_mean,
        majority=most.strict_mean,
        over_base=over_base,
        over_majority=over_majority,
        lenient={k: v.lenient_mean for k, v in means.items()},
        format_valid={k: v.format_valid_rate for k, v in means.items()},
    )

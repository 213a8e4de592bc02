"""One adapter on somebody's own examples: is it better than the base, and by how much?"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from genlora.tasks import BARE, AnswerFormat, Example, PromptFormat, Split, Task, answer_format, score_answers

from ._answers import Answered
from ._plots import horizontal_bars
from ._report import percent, table
from ._run import predictions
from ._statistics import Difference, paired_difference
from ._store import Prediction

CONFIDENCE = 0.95


@dataclass(frozen=True)
class WholeFile(Task):
    """A task of which every example is for testing, because nothing was trained on it."""

    def split(self, which: Split) -> tuple[Example, ...]:
        """All examples, whatever is asked for."""
        return self.examples

    @cached_property
    def answer_format(self) -> AnswerFormat:
        """The form that all right answers share."""
        return answer_format(a for e in self.examples for a in e.answers)


def whole_file(task: Task, n: int | None = None) -> WholeFile:
    """`task` with its first `n` examples (all when None), all for testing."""
    fields = {k: getattr(task, k) for k in Task.__dataclass_fields__}
    return WholeFile(**{**fields, "examples": task.examples[:n]})


@dataclass(frozen=True)
class OwnDataResult:
    """How the base and an adapter on it answer the same examples."""

    task: str
    n: int
    description: str | None
    """What the described prompts say; None when there were none."""
    answers: Mapping[str, tuple[Prediction, ...]]
    """'base', 'base described' and 'adapter' to one prediction per example."""
    majority: str
    """The constant answer that fits most of these examples."""
    majority_strict: float
    over_base: Difference
    """Adapter minus base, strict, paired bootstrap over examples, 95 %."""
    over_lenient: Difference
    over_described: Difference | None
    """Adapter minus described base, strict."""

    def mean(self, way: str, field: str) -> float:
        """Mean of a field of the predictions, 0 to 1."""
        rows = self.answers[way]
        return sum(float(getattr(p, field)) for p in rows) / max(1, len(rows))

    @property
    def wrong(self) -> list[tuple[Prediction, Prediction]]:
        """(adapter, base) of every example that the adapter got strictly wrong, in order."""
        pairs = zip(self.answers["adapter"], self.answers["base"], strict=True)
        return [(a, b) for a, b in pairs if a.strict < 1]

    def verdict(self) -> str:
        """One sentence."""
        d = self.over_base
        shown = f"{100 * d.mean:+.1f} points (95 %: {100 * d.low:+.1f} to {100 * d.high:+.1f})"
        if d.low > 0:
            return f"The adapter is better than the base on these examples: {shown}."
        if d.high < 0:
            return f"The adapter is worse than the base on these examples: {shown}."
        return f"No difference to the base is certain from these {self.n} examples: {shown}."

    def to_json(self) -> dict[str, Any]:
        """Everything but the predictions themselves."""
        ways = {w: {f: round(self.mean(w, f), 6) for f in ("strict", "lenient", "valid")} for w in self.answers}
        return {
            "task": self.task,
            "n": self.n,
            "description": self.description,
            "scores": ways,
            "majority": {"answer": self.majority, "strict": round(self.majority_strict, 6)},
            "adapter_over_base": asdict(self.over_base),
            "adapter_over_base_lenient": asdict(self.over_lenient),
            "adapter_over_described_base": asdict(self.over_described) if self.over_described else None,
            "verdict": self.verdict(),
            "wrong": [
                {"input": a.input, "expected": list(a.expected), "adapter": a.answer, "base": b.answer}
                for a, b in self.wrong[:20]
            ],
        }


def compare_on_own_data(
    task: WholeFile,
    told: str | None,
    answer: Callable[[str, PromptFormat, bool], Answered],
    *,
    prompt: PromptFormat = BARE,
) -> OwnDataResult:
    """Ask the base, the base that is told the task where `told` says what it is, and the adapter; and compare.

    `prompt` is how the adapter is asked; where that is more than the input, it is also asked with the input alone.
    `answer` is called with the way's name, how to ask, and whether the adapter is on.
    """
    ways = [("base", BARE, False)]
    if told is not None:
        ways.append(("base described", PromptFormat(told), False))
    if not prompt.is_bare or prompt.answer_form is not None:
        ways.append(("adapter, bare", BARE, True))
    ways.append(("adapter", prompt, True))
    return own_data_result(task, {way: predictions(answer(way, asked, on)) for way, asked, on in ways}, told)


def own_data_result(
    task: WholeFile, answers: Mapping[str, tuple[Prediction, ...]], description: str | None
) -> OwnDataResult:
    """Compare what was said; `answers` needs 'base' and 'adapter'."""
    said = _constant(task)
    scores = {
        w: {f: [float(getattr(p, f)) for p in rows] for f in ("strict", "lenient")} for w, rows in answers.items()
    }

    def over(way: str, field: str) -> Difference:
        return paired_difference(scores["adapter"][field], scores[way][field], confidence=CONFIDENCE)

    return OwnDataResult(
        task=task.name,
        n=len(task.examples),
        description=description,
        answers=answers,
        majority=said,
        majority_strict=score_answers(task, task.examples, [said] * len(task.examples)).strict_mean,
        over_base=over("base", "strict"),
        over_lenient=over("base", "lenient"),
        over_described=over("base described", "strict") if "base described" in answers else None,
    )


def _constant(task: WholeFile) -> str:
    counts = Counter(a for e in task.examples for a in set(e.answers))
    return min(counts, key=lambda a: (-counts[a], a))


def own_data_markdown(result: OwnDataResult, *, adapter: str, plot: str | None = None) -> str:
    """The report for people."""
    rows = [(w, *(percent(result.mean(w, f)) for f in ("strict", "lenient", "valid"))) for w in result.answers]
    shown = " ".join(result.majority.split())[:60]
    rows.append((f"always {shown!r}", percent(result.majority_strict), "-", "-"))
    parts = [
        f"# {adapter} on {result.task}",
        f"{result.n} examples. {result.verdict()}",
        table(("", "strict %", "lenient %", "format %"), rows),
    ]
    if result.over_described is not None:
        d = result.over_described
        parts.append(
            f"Against the base that is told the task ({result.description!r}): {100 * d.mean:+.1f} points "
            f"(95 %: {100 * d.low:+.1f} to {100 * d.high:+.1f})."
        )
    if plot:
        parts.append(f"![scores]({plot})")
    wrong = [
        (a.input[:200], " / ".join(a.expected)[:120], a.answer[:120], b.answer[:120]) for a, b in result.wrong[:20]
    ]
    if wrong:
        parts += ["## Wrong answers", table(("input", "right", "adapter", "base"), wrong)]
    return "\n\n".join(parts) + "\n"


def own_data_plot(result: OwnDataResult) -> bytes:
    """Bars of strict and lenient scores, PNG."""
    return horizontal_bars(
        {w: {f: result.mean(w, f) for f in ("strict", "lenient")} for w in result.answers},
        title=f"{result.task}, {result.n} examples",
    )

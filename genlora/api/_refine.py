"""Starting from labelled examples: an adapter drawn for them, or a generated one refined on them. Both need the base.

A receipt holds the examples' digest and count, never their content.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from genlora.adapter import AdapterState, resize
from genlora.bank import Bank
from genlora.base import LoadedBase, require_compatible
from genlora.errors import ConfigError, TaskError
from genlora.evaluate import answer, calibration_error
from genlora.files import canonical_json, sha256_bytes, sha256_file
from genlora.generators import Generated, Request, Stopwatch, one_thread, task_vectors
from genlora.progress import Progress, silent
from genlora.tasks import Example, Task, read_examples, task_of
from genlora.train import Posterior, RefinePrior, refine

from ._places import generator_artefact
from ._scene import exact_dtype, load_banks_base

MAX_EXAMPLES = 4_096
MAX_REFINED = 512
"""More for `abmll` and `cvae`, which read all of them at once."""
_LEAST_FOLDED = 4


@dataclass(frozen=True)
class Labelled:
    """Labelled examples, and what a receipt says of them."""

    task: Task
    sha256: str
    teacher: Mapping[str, Any] | None = None
    """Who wrote them, where a teacher did."""

    @property
    def examples(self) -> tuple[Example, ...]:
        return self.task.examples

    def told(self) -> dict[str, Any]:
        """Digest and count, and who wrote them."""
        by = {} if self.teacher is None else {"teacher": dict(self.teacher)}
        return {"sha256": self.sha256, "count": len(self.examples), **by}


def read_labelled(source: Path | Sequence[Example], most: int = MAX_EXAMPLES) -> Labelled:
    """The examples of a file in any usual form, or given as values. Raises `TaskError` for unreadable ones.

    The digest is the file's; of values, that of their canonical JSON.
    """
    if not isinstance(source, Path):
        rows = [asdict(e) for e in source]
        task = task_of(source, "examples")
        return Labelled(_few(task, most, "examples"), sha256_bytes(canonical_json(rows)))
    return Labelled(_few(read_examples(source), most, str(source), f"jsonl:{source.name}"), sha256_file(source))


def _few(task: Task, most: int, where: str, source: str = "jsonl:FILE") -> Task:
    if len(task.examples) > most:
        raise TaskError(
            f"{where}: {len(task.examples):,} examples, expected at most {most:,}: with so many, train an "
            f"expert: genlora bank train {source}"
        )
    return task


@dataclass(frozen=True)
class Refinement:
    """What refining did. Accuracy and calibration error are of held-out answers wherever there are four examples."""

    examples: int
    steps: int
    divergence: float
    """KL of the posterior from the prior, in nats."""
    cross_fitted: bool
    """Whether `after` was measured on halves that were left out; fewer than four examples are measured in-sample."""
    before: Mapping[str, float]
    """accuracy and calibration_error of the generated adapter."""
    after: Mapping[str, float]
    """The same of the refined one."""

    def to_json(self) -> dict[str, Any]:
        return {k: dict(v) if isinstance(v, Mapping) else v for k, v in asdict(self).items()}


def refine_generated(
    generated: Generated, labelled: Labelled, base: LoadedBase, bank: Bank, *, rank: int, seed: int = 0
) -> tuple[Generated, Refinement]:
    """`generated` with its adapter moved to the posterior mean given the examples, and what that did.

    Raises `UnknownGeneratorError` without an `abmll` artefact, `BaseMismatchError` where it is for another base.
    """
    artefact = generator_artefact("abmll", bank)
    prior = RefinePrior.read(artefact, base.layout)
    examples = labelled.examples
    if not examples:
        raise ConfigError("there are no examples to refine on.")

    def refined(part: tuple[Example, ...]) -> Posterior:
        return refine(base, generated.adapter, part, prior, seed=seed)

    posterior = refined(examples)
    state = posterior.state(base.layout)
    before = _measured(base, labelled.task, {examples: generated.adapter})
    folded = len(examples) >= _LEAST_FOLDED
    if folded:
        one, two = examples[::2], examples[1::2]
        held = {two: refined(one).state(base.layout), one: refined(two).state(base.layout)}
    else:
        held = {examples: state}
    adapter, lost = resize(state, rank)
    report = Refinement(
        examples=len(examples),
        steps=len(posterior.losses),
        divergence=round(posterior.divergence, 3),
        cross_fitted=folded,
        before=before,
        after=_measured(base, labelled.task, held),
    )
    told = {**report.to_json(), "artefact": artefact.digest, "examples": labelled.told()}
    made_by = {**generated.made_by, "refined": told}
    return replace(generated, adapter=adapter, dtype="float32", discarded=round(lost, 6), made_by=made_by), report


def _measured(base: LoadedBase, task: Task, parts: Mapping[tuple[Example, ...], AdapterState]) -> dict[str, float]:
    """Accuracy (strict) and calibration error over all parts, each answered with its own adapter."""
    right: list[float] = []
    confidence: list[float] = []
    for examples, state in parts.items():
        found = answer(base, task, examples, state=state)
        right += found.scores.strict
        confidence += found.confidence
    return {
        "accuracy": round(sum(right) / len(right), 4),
        "calibration_error": round(calibration_error(confidence, right), 4),
    }


@dataclass(frozen=True)
class RequestExamples:
    """The labelled examples of one request, with the base that reads them."""

    examples: Labelled | None
    draw: bool
    """Whether the cvae draws for `examples`; else an adapter is fitted to them."""
    refine: Labelled | None
    base: LoadedBase
    bank: Bank

    @classmethod
    def read(
        cls,
        examples: Labelled | None,
        refine: Path | Sequence[Example] | None,
        base: str | LoadedBase | None,
        device: str,
        bank: Bank,
        *,
        draw: bool,
    ) -> Self:
        """Examples first, then the base. Raises `TaskError`, `ConfigError`, `BaseMismatchError`."""
        refined = None if refine is None else read_labelled(refine, MAX_REFINED)
        if refine is not None:
            generator_artefact("abmll", bank)  # before the seconds that loading the base takes
        if base is None or isinstance(base, str):
            base = load_banks_base(bank, base, device=device, dtype=exact_dtype(device))
        require_compatible(bank.fingerprint, base.fingerprint, what=f"bank {bank.where}")
        return cls(examples, draw, refined, base, bank)

    def drawn(self, engine: Any, request: Request, watch: Stopwatch, progress: Progress = silent) -> Generated:
        """What the cvae draws for the examples' task vector."""
        assert self.examples is not None
        with watch("task vector"):
            vector = task_vectors(self.base, self.examples.examples, progress=progress).mean(0)
        with one_thread():
            generated = engine.generate_from_examples(request, vector)
        return replace(generated, made_by={**generated.made_by, "examples": self.examples.told()})

    def refined(self, generated: Generated, rank: int, seed: int, watch: Stopwatch) -> Generated:
        """`generated`, refined on the examples given for that."""
        assert self.refine is not None
        with watch("refine"):
            return refine_generated(generated, self.refine, self.base, self.bank, rank=rank, seed=seed)[0]

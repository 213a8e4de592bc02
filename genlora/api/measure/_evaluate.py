"""`evaluate`: every method and baseline on tasks that nobody trained, stored as it goes."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from genlora.base import LoadedBase, SharedBase
from genlora.errors import ConfigError, TaskError
from genlora.evaluate import Evaluated, EvaluationTick, RunStore, choose_methods, gathered, usable_methods
from genlora.jobs import Pool
from genlora.progress import Progress, silent
from genlora.tasks import Role, Task, catalogue_tasks, find_task
from genlora.train import ExpertTick
from genlora.versions import versions

from .._genlora import GenLora
from .._scene import load_banks_base
from ._makers import OWN_CONFIG, BankMaker, own_experts
from ._tasks import Setting, evaluate_tasks

log = logging.getLogger(__name__)

EvaluationSplit = Literal["validation", "test"]
ROLES: dict[EvaluationSplit, tuple[Role, ...]] = {
    "validation": ("validation",),
    "test": ("test-near", "test-far"),
}
MIN_TEST_EXAMPLES = 20
"""Tasks with fewer held-out examples are left out: their scores say little."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What to evaluate and where results are kept."""

    run: Path
    """Folder of predictions and own experts; what is in it already is not done again."""
    split: EvaluationSplit = "validation"
    tasks: tuple[str, ...] = ()
    """Names of catalogue tasks; all of the split when empty."""
    methods: tuple[str, ...] = ()
    """Names of methods; all when empty."""
    examples: int = 60
    words: Path | None = None
    no_own: bool = False
    """Train no own experts: every task counts, and gap closure is not measured. A later run can add them."""
    own: Path | None = None
    """Training run that holds own experts; `run`/own when None."""
    base: str | None = None
    device: str = "cpu"
    pool: Pool | None = None
    """Evaluates tasks elsewhere (`genlora.jobs`); their predictions come back into `run`."""
    on_tick: Callable[[EvaluationTick], None] | None = None
    on_train: Callable[[ExpertTick], None] | None = None
    progress: Progress = field(default=silent)


def evaluate(lora: GenLora, options: EvaluateOptions) -> tuple[Evaluated, dict[str, Any]]:
    """Run what is missing in the run folder; everything measured, and what it was measured with.

    Own experts are trained first (resumable), then each task's base and own expert answer, then the other methods.
    Raises `TaskError` when no task is left, `BaseMismatchError` for a bank of another base, and `ConfigError`.
    """
    if not 2 <= options.examples <= 1000:
        raise ConfigError(f"examples must be in [2, 1000], got {options.examples}. The protocol takes 60.")
    methods = [m for m in choose_methods(options.methods or None) if not (options.no_own and m.name == "own")]
    tasks, why = evaluation_tasks(options)
    base = load_banks_base(lora.bank, options.base, device=options.device, progress=options.progress)
    maker = BankMaker(lora, {}, why_no_own=why)
    store = RunStore(options.run, _identity(lora, base, options))
    if not options.no_own:
        own = options.own or options.run / "own"
        maker.own, failed = own_experts(base, tasks, own, pool=options.pool, on_tick=options.on_train)
        maker.why_no_own = failed
    usable, skipped = usable_methods(maker, methods)
    setting = Setting(lora, SharedBase(base), store.identity, tuple(usable), options.examples)
    found = gathered(
        evaluate_tasks(setting, maker, tasks, options.run, pool=options.pool, on_tick=options.on_tick),
        examples=options.examples,
    )
    found.skipped = skipped | found.skipped
    found.left_out.update(why)
    about = {
        **store.identity,
        "split": options.split,
        "device": options.device,
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "experts": len(lora.bank),
        "own_experts": asdict(OWN_CONFIG),
        "expert_cosines": [round(c, 4) for c in maker.novelty.among_experts(maker.experts)],
    }
    return found, about


def evaluation_tasks(options: EvaluateOptions) -> tuple[list[Task], dict[str, str]]:
    """The tasks to evaluate, by name, and why others of the split are left out."""
    if options.tasks:
        tasks = [find_task(n, words_folder=options.words) for n in options.tasks]
    else:
        tasks = catalogue_tasks(ROLES[options.split], words_folder=options.words)
    why = {}
    for task in tasks:
        n = len(task.split("test"))
        if n < MIN_TEST_EXAMPLES:
            why[task.name] = f"only {n} test examples, {MIN_TEST_EXAMPLES} needed"
        elif not task.descriptions:
            why[task.name] = "it has no description"
    kept = [t for t in tasks if t.name not in why]
    if not kept:
        raise TaskError(f"no task to evaluate: {json.dumps(why)}. Name some: --tasks NAME")
    return kept, why


def _identity(lora: GenLora, base: LoadedBase, options: EvaluateOptions) -> dict[str, Any]:
    return {
        "base": base.layout.fingerprint,
        "bank": lora.bank.revision,
        "embedder": lora.embedder.id,
        "examples": options.examples,
        "dtype": str(next(base.model.parameters()).dtype).removeprefix("torch."),
    }

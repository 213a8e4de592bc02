"""The two-phase recipe from a file of examples to an adapter folder, on a base in four bits or as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from genlora.adapter import AdapterState, attached, resize
from genlora.base import LoadedBase, backend_named, decode_text, generate_greedy, load_base, load_quantized_base
from genlora.descriptions import check_description
from genlora.errors import ConfigError, MissingExtraError, TaskError
from genlora.progress import Progress, silent
from genlora.tasks import Example, Task, prompt_ids, read_examples, sample
from genlora.train.recipes import (
    TwoPhase,
    TwoPhaseConfig,
    advising_task,
    domain_accuracy,
    is_markdown,
    markdown_rate,
    tracker_named,
    two_phase,
)

from .._own_files import check_folder
from .._scene import best_dtype
from ._write import write_trained

HOW = "two_phase"
FOUR_BITS = "nf4"
_ANSWER_TOKENS = 160


@dataclass(frozen=True, kw_only=True)
class RecipeOptions:
    """What is asked beside the phases."""

    quantize: str = FOUR_BITS
    """The base's form while training: nf4, or none for its own."""
    description: str = ""
    """Put before each input; by default what the file says."""
    described: bool = True
    tracker: str = "none"
    score: int = 12
    """Held-out inputs that are answered and scored; 0 for none."""
    seed: int = 0
    force: bool = False


@dataclass(frozen=True, eq=False)
class Recipe:
    """The adapter, and all that its receipt says."""

    result: TwoPhase
    card: dict[str, Any]


def two_phase_adapter(
    data: Path | None,
    out: Path,
    config: TwoPhaseConfig,
    options: RecipeOptions | None = None,
    *,
    run: Path | None = None,
    base: str | None = None,
    device: str = "cpu",
    on_step: Callable[[int, int, int, float], None] = lambda phase, step, steps, loss: None,
    progress: Progress = silent,
) -> Recipe:
    """Train an adapter in two phases and write it.

    Args:
        data: examples in any usual form; None for the synthetic advising data set.
        out: adapter folder.
        config: both phases.
        options: everything else.
        run: folder of checkpoints and logs; by default `out` with `.run`. The same call goes on after a kill.
        base: its source; by default the usual one.
        device: cpu, cuda or cuda:N.
        on_step: told (phase, step, steps, loss).
        progress: told of downloads, and of answers that are scored.

    Raises `TaskError`, `ConfigError`, `MergeError` for a base that four bits cannot hold, `MissingExtraError`,
    `TrainingError`, `StorageError`.
    """
    options = options or RecipeOptions()
    check_folder(out, force=options.force)
    where = run if run is not None else out.with_name(f"{out.name}.run")
    task = advising_task(seed=options.seed) if data is None else read_examples(data)
    train, held = task.split("train"), task.split("test")
    if not train or not held:
        raise TaskError(f"{data}: {len(train)} training and {len(held)} held-out examples; expected some of both.")
    description = options.description or next(iter(task.training_descriptions), "")
    if not description:
        raise ConfigError("nothing says what the task is. Describe it: --description TEXT, or in the file's header.")
    description = check_description(description)
    told = description if options.described else None
    loaded = _base(base, options.quantize, device, progress)
    settings = {**config.to_json(), "data": task.source, "quantize": options.quantize}
    tracker = tracker_named(options.tracker, where, settings)
    try:
        result = two_phase(loaded, train, held, config, where, description=told, tracker=tracker, on_step=on_step)
    finally:
        tracker.close()
    card = {**result.report, **settings, "examples": {"train": len(train), "held_out": len(held)}}
    if options.score:
        card["scores"] = _scores(loaded, task, result.state, told, options, progress)
    write_trained(
        out,
        _portable(result.state, loaded),
        loaded.layout,
        loaded.fingerprint,
        how=HOW,
        told=card,
        description=description,
        described=options.described,
        licences=[task.licence],
        seed=options.seed,
        force=options.force,
    )
    return Recipe(result, card)


def _base(source: str | None, quantize: str, device: str, progress: Progress) -> LoadedBase:
    if quantize == "none":
        kind = best_dtype(device)
        base = load_base(source, device=device, dtype=kind, attn_implementation="eager", progress=progress)
    elif quantize == FOUR_BITS:
        try:
            backend = backend_named(quantize)
        except MissingExtraError as err:
            raise MissingExtraError(f"{err}, or train on the base as it is: --quantize none") from err
        base = load_quantized_base(source, backend, device=device, progress=progress)
    else:
        raise ConfigError(f"quantize is {quantize[:40]!r}, expected nf4 or none.")
    base.model.requires_grad_(False)
    return base


def _portable(state: AdapterState, base: LoadedBase) -> AdapterState:
    """At a rank that every module has: exact, since no update is of a higher one."""
    least = min(min(m.d_in, m.d_out) for m in base.layout.modules if m.path in state)
    return resize(state, least)[0] if max(p.rank for p in state.values()) > least else state


def _scores(
    base: LoadedBase,
    task: Task,
    state: AdapterState,
    description: str | None,
    options: RecipeOptions,
    progress: Progress,
) -> dict[str, Any]:
    """Markdown rate and domain accuracy on held-out inputs, of the base and of the adapter."""
    rows = sample(task.split("test"), options.score, seed=options.seed)
    told: dict[str, Any] = {"rows": len(rows), "references": _rates([e.output for e in rows], rows)}
    for i, (name, adapter) in enumerate((("base", None), ("adapter", state))):
        progress("answers", i, 2)
        with attached(base.model, adapter), torch.inference_mode():
            prompts = [prompt_ids(base.tokenizer, e.input, description) for e in rows]
            found = generate_greedy(base, prompts, max_new_tokens=_ANSWER_TOKENS)
        told[name] = _rates([decode_text(base.tokenizer, c.tokens) for c in found], rows)
    return told


def _rates(answers: Sequence[str], rows: Sequence[Example]) -> dict[str, float | None]:
    references = [e.output for e in rows]
    judged = any(map(is_markdown, references)) and any("**" in r for r in references)
    return {
        "markdown_rate": markdown_rate(answers),
        "domain_accuracy": domain_accuracy(answers, references) if judged else None,
    }

"""`genlora recipe`: trainings of several steps that belong together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._progress import progress_bars
from .._show import say, say_json

if TYPE_CHECKING:
    from genlora.api import Recipe
    from genlora.train.recipes import TwoPhaseConfig

EPILOG = """\b
Examples:
  genlora recipe advising -o advising.jsonl
  genlora recipe two-phase --data advising.jsonl -o adviser --steps 60,60 --tracker tensorboard
  genlora recipe two-phase --advising -o adviser --rank 8 --quantize none
A run that was stopped goes on where it was: give the same command again. Checkpoints and logs lie in FOLDER.run.
"""


@click.group("recipe")
def recipe() -> None:
    """Train by a recipe of several steps."""


@recipe.command("advising", short_help="Write the small synthetic advising data set")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="JSON Lines file to write.")
@click.option("--rows", type=click.IntRange(1, 432), default=360, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def advising(out: Path, rows: int, seed: int) -> None:
    """Write the advising data set: questions of students who want abroad, answers in Markdown.

    SYNTHETIC: written by rule from small tables, and labelled so; no advice to anybody.
    """
    from genlora.errors import StorageError
    from genlora.files import atomic_write
    from genlora.train.recipes import advising_task

    if out.exists():
        raise StorageError(f"{out}: is there already. Choose another name.")
    task = advising_task(rows, seed=seed)
    about = {"family": task.family, "metric": task.metric, "licence": task.licence}
    head = {"task": task.name, "descriptions": list(task.descriptions), **about}
    lines = [head, *({"input": e.input, "output": e.output} for e in task.examples)]
    atomic_write(out, "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines).encode())
    say(f"{out}: {len(task.examples)} rows, {task.source}")


@recipe.command("two-phase", epilog=EPILOG, short_help="Two-phase QLoRA: a second phase at half the rate")
@click.option("--data", type=click.Path(path_type=Path), help="Examples in any usual form.")
@click.option("--advising", "synthetic", is_flag=True, help="Use the synthetic advising data set instead.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Adapter folder to write.")
@click.option("--steps", default="284,284", show_default=True, metavar="A,B", help="Of the two phases.")
@click.option("--lr", default="2e-4,1e-4", show_default=True, metavar="A,B", help="Peak rates of the two phases.")
@click.option("--accumulate", default="1,8", show_default=True, metavar="A,B", help="Packs that make one step.")
@click.option("--rank", type=click.IntRange(1, 256), default=16, show_default=True)
@click.option(
    "--targets",
    default="q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj",
    show_default=True,
    help="Projections that are changed.",
)
@click.option("--pack-rows", type=click.IntRange(1), default=2, show_default=True, help="Rows of a pack at most.")
@click.option("--max-tokens", type=click.IntRange(8), default=512, show_default=True, help="Longest row that is used.")
@click.option(
    "--quantize",
    type=click.Choice(["nf4", "none"]),
    default="nf4",
    show_default=True,
    help="The base's form while training: four bits (bitsandbytes), or its own.",
)
@click.option("--description", default="", help="What the task is.  [default: what the file says]")
@click.option("--bare", is_flag=True, help="Leave the description out of the prompt.")
@click.option(
    "--tracker",
    type=click.Choice(["none", "csv", "tensorboard", "wandb"]),
    default="none",
    show_default=True,
    help="Where figures go while it runs.",
)
@click.option("--score", type=click.IntRange(0), default=12, show_default=True, help="Held-out inputs to answer.")
@click.option("--run", type=click.Path(path_type=Path), help="Folder for checkpoints.  [default: FOLDER.run]")
@click.option("--base", metavar="SOURCE", help="Base to train on.  [default: the usual one]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--force", is_flag=True, help="Replace an adapter that genlora wrote, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print what the receipt says as JSON.")
def two_phase(data: Path | None, synthetic: bool, out: Path, as_json: bool, **options: Any) -> None:
    """Train an adapter in two phases, as StudyAbroadGPT does (two-phase QLoRA).

    The second phase goes on from the first one's adapter, bit for bit, at half the rate and with a fresh optimiser.
    Held-out rows (15 %, by a hash) tell losses before, between and after, and are answered for two scores: the share of
    answers in Markdown, and the share of the references' facts (in bold there) that answers name.
    """
    if (data is None) != synthetic:
        raise click.UsageError("say what to train on: --data FILE, or --advising.")
    from genlora.api import RecipeOptions, two_phase_adapter

    kept = {k: options[k] for k in ("quantize", "description", "tracker", "score", "seed", "force")}
    chosen = RecipeOptions(described=not options["bare"], **kept)
    config = _config(**options)
    with progress_bars() as show:
        made = two_phase_adapter(
            data,
            out,
            config,
            chosen,
            run=options["run"],
            base=options["base"],
            device=options["device"],
            on_step=lambda phase, step, steps, loss: show(f"phase {phase}", step, steps, f"loss {loss:.3f}"),
            progress=show,
        )
    if as_json:
        say_json(made.card)
    else:
        _tell(out, made)


def _config(
    *,
    steps: str,
    lr: str,
    accumulate: str,
    rank: int,
    targets: str,
    pack_rows: int,
    max_tokens: int,
    seed: int,
    **_: Any,
) -> TwoPhaseConfig:
    from genlora.train import StepsConfig
    from genlora.train.recipes import TwoPhaseConfig

    leaves = tuple(t.strip() for t in targets.split(",") if t.strip())
    phases = [
        StepsConfig(
            steps=round(s),
            lr=rate,
            accumulate=round(packs),
            rank=rank,
            targets=leaves,
            pack_rows=pack_rows,
            max_tokens=max_tokens,
            seed=2 * seed + i,
        )
        for i, (s, rate, packs) in enumerate(
            zip(_two(steps, "--steps"), _two(lr, "--lr"), _two(accumulate, "--accumulate"), strict=True)
        )
    ]
    return TwoPhaseConfig(first=phases[0], second=phases[1])


def _two(text: str, name: str) -> tuple[float, float]:
    try:
        first, second = (float(p) for p in text.split(","))
    except ValueError:
        raise click.UsageError(f"{name} {text[:40]!r}: expected two numbers with a comma.") from None
    return first, second


def _tell(out: Path, made: Recipe) -> None:
    held = made.card["held_out"]
    loss = held["loss"]
    rows, form = made.card["examples"]["train"], made.card["quantize"]
    say(f"{out}: two phases on {rows} rows ({made.card['data']}), base {'as it is' if form == 'none' else form}")
    say(
        f"loss on {held['rows']} held-out rows: base {loss['base']:.3f}, phase 1 {loss['phase_1']:.3f}, "
        f"phase 2 {loss['phase_2']:.3f} ({held['drop']:.0%} lower)"
    )
    for name, rates in made.card.get("scores", {}).items():
        if isinstance(rates, dict):
            facts = rates["domain_accuracy"]
            text = "" if facts is None else f", facts named {facts:.0%}"
            say(f"  {name}: Markdown {rates['markdown_rate']:.0%}{text}")

"""Options that the text-to-image verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

GUIDANCE = ("cfg", "base_uncond", "steering", "autoguidance", "hybrid")


def model_options(command: F) -> F:
    """--model and --generator."""
    model = click.option(
        "--model",
        type=click.Path(path_type=Path),
        help="Folder of a Stable Diffusion model or of ours.  [default: $GENLORA_IMAGES, else the shipped one]",
    )
    generator = click.option(
        "--generator",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The hypernetwork trained for that model.  [default: subject.safetensors in the model's folder]",
    )
    return model(generator(command))


def sampling_options(command: F) -> F:
    """How pictures are sampled."""
    options = [
        click.option(
            "--guidance",
            type=click.Choice(GUIDANCE),
            default="hybrid",
            show_default=True,
            help="How the base's and the subject's predictions become one; hybrid is our reconstruction of HM-CFG.",
        ),
        click.option("--text", type=float, default=3.0, show_default=True, help="How much the prompt counts."),
        click.option(
            "--subject",
            type=float,
            help="What the guidance makes of the subject: w_s of hybrid, a of autoguidance, the weak model's share of "
            "steering.  [default: the guidance's own]",
        ),
        click.option("--steps", type=click.IntRange(1, 1000), default=20, show_default=True, help="Steps of sampling."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first noise."),
        click.option(
            "--inject-after",
            type=click.FloatRange(0, 1),
            default=0.0,
            show_default=True,
            help="Share of the steps that the base makes alone, so that the layout is the prompt's.",
        ),
        click.option("--base-prompt", help="What the base's branch is told instead, such as the plain class."),
        click.option("--unwanted", help="Words whose directions are taken out of the prompt's embeddings (DECOR)."),
        click.option(
            "--unwanted-strength",
            type=click.FloatRange(0, 1),
            default=1.0,
            show_default=True,
            help="How much of them is taken out.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command

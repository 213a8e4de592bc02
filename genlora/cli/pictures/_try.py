"""`genlora try-image`: a subject, the base's picture and the personalised one, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._show import say, say_json
from ._options import model_options, sampling_options


@click.command("try-image")
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path))
@click.option("--prompt", help="What to draw.  [default: a scene that the miniature knows]")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), default="try-image.png", show_default=True)
@model_options
@sampling_options
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def try_image(
    pictures: tuple[Path, ...],
    prompt: str | None,
    out: Path,
    model: Path | None,
    generator: Path | None,
    force: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Show a subject, the base's picture and the personalised one.

    All are side by side in one PNG. PICTURES are 1 to 4 files of the subject, or a folder; without them a character
    that no training has seen is drawn (seeded by --seed). Examples:

        genlora try-image
        genlora try-image my-critter/ --prompt "a photo of a big sad critter on the left , on a grey background"
    """
    from genlora.api.pictures import EXAMPLE_PROMPT, ImageStudio, side_by_side, unseen_subject
    from genlora.errors import ConfigError
    from genlora.images import find_pictures, read_picture

    if out.exists() and not force:
        raise ConfigError(f"{out}: is there already. Choose another name with -o, or replace it with --force.")
    found = [path for place in pictures for path in find_pictures(place)]
    images = [read_picture(path) for path in find_pictures(found)] if pictures else []
    studio = ImageStudio.open(model, generator)
    images = images or unseen_subject(studio.model.side, settings["seed"])
    asked = prompt or EXAMPLE_PROMPT
    adapter = studio.personalize(images)
    base = studio.imagine(asked, None, **settings)
    personal = studio.imagine(asked, adapter, **settings)
    side_by_side([*images, base.image, personal.image], out)
    if as_json:
        say_json({**dict(personal.settings), "file": str(out), "pictures": len(images)})
        return
    say(f"{out}: {len(images)} of the subject, then the base's picture, then the personalised one")
    say(f"prompt: {asked}")

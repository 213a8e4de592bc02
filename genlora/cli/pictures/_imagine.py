"""`genlora imagine`: a prompt, with a subject's adapter or without, to a PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._show import say, say_json
from ._options import model_options, sampling_options


@click.command("imagine")
@click.option("--prompt", required=True, help="What to draw.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="PNG file to write.")
@click.option(
    "--adapter", type=click.Path(path_type=Path), help="Folder of a subject's adapter; without it the base draws."
)
@model_options
@sampling_options
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def imagine(
    prompt: str,
    out: Path,
    adapter: Path | None,
    model: Path | None,
    generator: Path | None,
    force: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Draw a picture from a prompt, with a subject's adapter or without.

    Settings are kept inside the PNG, as its text "genlora". Examples:

        genlora imagine --prompt "a photo of a big sad critter in the centre , on a blue background" -o base.png
        genlora imagine --adapter critter --prompt "a photo of a small happy critter on the left , on a mint
            background" --guidance hybrid --text 3 --subject 4 -o happy.png
    """
    from genlora.api.pictures import ImageStudio, SubjectAdapter
    from genlora.errors import ConfigError

    if out.exists() and not force:
        raise ConfigError(f"{out}: is there already. Choose another name, or replace it with --force.")
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: pictures are written as PNG. Expected a name that ends in .png.")
    loaded = None if adapter is None else SubjectAdapter.load(adapter)
    drawn = ImageStudio.open(model, generator).imagine(prompt, loaded, **settings)
    drawn.save(out, force=force)
    if as_json:
        say_json({**dict(drawn.settings), "file": str(out), "seconds": round(drawn.seconds, 3)})
        return
    say(f"{out}: {drawn.image.width} x {drawn.image.height} points in {drawn.seconds:.1f} s, seed {settings['seed']}")

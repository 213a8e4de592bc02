"""`genlora personalize`: pictures of a subject to a LoRA that diffusers loads."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .._show import say, say_json
from ._options import model_options


@click.command("personalize")
@click.option(
    "--images",
    "pictures",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Picture of the subject, or a folder of them; up to four in all. Can be given several times.",
)
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@model_options
@click.option(
    "--refine",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    metavar="STEPS",
    help="Steps of training on the pictures afterwards, at twice the rank; 25 is usual.",
)
@click.option(
    "--caption",
    "captions",
    multiple=True,
    help="With --refine: what a picture shows beside the subject. One for each picture, in their order.",
)
@click.option("--force", is_flag=True, help="Replace a subject's adapter that exists, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt and times as JSON.")
def personalize(
    pictures: tuple[Path, ...],
    out: Path,
    model: Path | None,
    generator: Path | None,
    refine: int,
    captions: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Write a text-to-image LoRA from pictures of a subject.

    One forward pass of a trained hypernetwork: no training. The folder holds pytorch_lora_weights.safetensors, which
    diffusers loads (`pipeline.load_lora_weights(FOLDER)`), and receipt.json. Examples:

        genlora personalize --images my-critter/ -o critter
        genlora personalize --images front.png --images side.png -o critter --model mini-sd-32
        genlora personalize --images front.png -o critter --refine 25 --caption "a photo of a big happy critter on the
            left , on a mint background"
    """
    from genlora.api.pictures import ImageStudio, check_subject_folder
    from genlora.errors import ConfigError, PictureError
    from genlora.images import find_pictures, read_picture

    check_subject_folder(out, force=force)
    found = [path for place in pictures for path in find_pictures(place)]
    images = [read_picture(path) for path in find_pictures(found)]
    if not images:
        raise PictureError("no picture of the subject was given.")
    if len(captions) != (len(images) if refine else 0):
        raise ConfigError(
            f"{len(captions)} captions for {len(images)} pictures; --refine takes one --caption for each, "
            + ("and without it none is read." if not refine else "saying what it shows beside the subject.")
        )
    studio = ImageStudio.open(model, generator)
    start = time.monotonic()
    adapter = studio.personalize(images)
    if refine:
        adapter = studio.refine(adapter, images, captions, steps=refine)
    seconds = time.monotonic() - start
    adapter.save(out, force=force)
    if as_json:
        found_out = {"folder": str(out), "seconds": round(seconds, 4), "numbers": adapter.state.parameters}
        say_json({**dict(adapter.body), **found_out})
        return
    say(
        f"{out}: a LoRA of rank {adapter.body['rank']} for {len(adapter.state)} layers, from {len(images)} "
        f"picture{'s' if len(images) > 1 else ''} in {seconds:.2f} s"
    )
    say(f'draw with it: genlora imagine --adapter {out} --prompt "..." -o picture.png')

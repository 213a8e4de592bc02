"""`genlora evaluate --images`: the image hypernetwork on subjects that no training has seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .._show import say, say_json, table

REFERENCES = "references.safetensors"
"""In a model's folder, the trained cross-attention that the hypernetwork is held against; it need not be there."""


def evaluate_images(images: Path, options: dict[str, Any]) -> None:
    """Evaluate, write the report to `options["out"]`, and show the figures."""
    from genlora.api.pictures import ImageStudio
    from genlora.errors import ConfigError
    from genlora.evaluate import own_report
    from genlora.evaluate.pictures import (
        PictureOptions,
        evaluate_pictures,
        picture_columns,
        picture_rows,
        pictures_report,
    )
    from genlora.files import old_files, publish_folder
    from genlora.images import ReferenceReader
    from genlora.images.mini import Oracle

    out: Path | None = options["out"]
    replace = own_report if options["force"] else None
    if out is not None:
        old_files(out, replace)  # before the work
    asked = options["examples"] or 200
    wanted = PictureOptions(subjects=asked, own=min(asked, 40), grid_subjects=min(asked, 40))
    studio = ImageStudio.open(images)
    if studio.generator is None:
        raise ConfigError(f"{images}: has no hypernetwork (subject.safetensors) to evaluate.")
    oracle = Oracle.load(images / "oracle")
    beside, reader = images / REFERENCES, None
    if beside.is_file():
        reader = ReferenceReader.load(beside).require(studio.base, where=str(beside))
    found = evaluate_pictures(
        studio.model,
        studio.generator,
        oracle,
        wanted,
        reader=reader,
        heard=lambda what: click.echo(f"genlora: {what}", err=True),
    )
    about = {"model": studio.model.name, "model sha256": studio.base, "hypernetwork sha256": studio.generator.digest}
    files = pictures_report(found, {**about, "subjects": asked, "seeds": wanted.seeds})
    if out is not None:
        publish_folder(files, out, replace=replace)
    if options["as_json"]:
        say_json(json.loads(files["report.json"]))
        return
    for level, methods in found.figures.items():
        say(f"subjects with an unseen {level}:")
        table(picture_columns(), picture_rows(methods))
    if out is not None:
        say(f"the report is in {out}")

"""Writing files that are there whole or not at all: a download may begin the moment one appears."""

import zipfile
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write a file beside `path`, and give it that name once it is complete."""
    part = path.with_suffix(path.suffix + ".part")
    fill(part)
    part.rename(path)


def zip_bytes(path: Path, files: dict[str, bytes]) -> None:
    """A zip of named contents; the same contents give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def zip_folder(path: Path, folder: Path, name: str) -> None:
    """A zip of a folder's files under `name`, stored as they are: weights do not compress."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{name}/{file.name}")

"""Photos through the image side: `python benchmarks/photos.py FOLDER`, one folder of photos for each subject.

Two figures and a sheet. How often the nearest other photo, by the frozen encoder's pooled vector, is of the same
subject. And whether the pipeline runs: each subject's first photos become an adapter of the miniature that ships, and a
picture. The miniature draws cartoon characters alone, so that no likeness is claimed; the sheet shows what comes.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from genlora import ImageStudio
from genlora.api.pictures import EXAMPLE_PROMPT
from genlora.images import KINDS, MOST_PICTURES, EncoderConfig, PictureEncoder, read_picture, square_tensor, to_image


def subjects_of(folder: Path) -> dict[str, list[Path]]:
    """{subject: its photos}, for each folder that holds any."""
    found = {
        place.name: sorted(p for p in place.iterdir() if p.suffix.lower() in KINDS)
        for place in sorted(folder.iterdir())
        if place.is_dir()
    }
    return {name: photos for name, photos in found.items() if photos}


def retrieval(subjects: dict[str, list[Path]], side: int) -> float:
    """Share of photos whose nearest other photo shows the same subject."""
    encoder = PictureEncoder(EncoderConfig(side=side))
    photos = [square_tensor(read_picture(path), side) for paths in subjects.values() for path in paths]
    vectors = torch.cat([encoder.pooled(torch.stack(photos[i : i + 16])) for i in range(0, len(photos), 16)])
    owner = torch.arange(len(subjects)).repeat_interleave(torch.tensor([len(p) for p in subjects.values()]))
    similar = (vectors @ vectors.T).fill_diagonal_(-1)
    return (owner[similar.argmax(1)] == owner).float().mean().item()


def pictures(subjects: dict[str, list[Path]], studio: ImageStudio) -> tuple[torch.Tensor, list[float]]:
    """Rows of a photo and the miniature's picture with its subject's adapter, and seconds for each adapter."""
    rows, seconds = [], []
    for paths in subjects.values():
        start = time.monotonic()
        adapter = studio.personalize(paths[:MOST_PICTURES])
        seconds.append(time.monotonic() - start)
        drawn = studio.imagine(EXAMPLE_PROMPT, adapter).image
        photo = square_tensor(read_picture(paths[0]), 128)
        rows.append(torch.cat([photo, square_tensor(drawn.resize((128, 128), 0), 128)], 2))
    return torch.stack(rows), seconds


def main() -> None:
    """Measure, draw and say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("photos.png"), help="sheet to write")
    parser.add_argument("--model", type=Path, help="the text-to-image model; the shipped one if not named")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 224])
    args = parser.parse_args()
    subjects = subjects_of(args.folder)
    found: dict[str, object] = {"subjects": len(subjects), "photos": sum(map(len, subjects.values()))}
    found["retrieval@1"] = {f"{side} points": round(retrieval(subjects, side), 3) for side in args.sides}
    rows, seconds = pictures(subjects, ImageStudio.open(args.model))
    few = rows[: len(rows) // 4 * 4].unflatten(0, (-1, 4)).permute(2, 0, 3, 1, 4)
    to_image(few.reshape(3, few.shape[1] * 128, 4 * 256)).save(args.output)
    print(json.dumps({**found, "seconds per adapter": round(sum(seconds) / len(seconds), 2)}, indent=2))


if __name__ == "__main__":
    main()

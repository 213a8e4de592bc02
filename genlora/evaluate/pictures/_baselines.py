"""What the hypernetwork is held against: LoRAs of single subjects, of all subjects, and of the nearest in training."""

import hashlib
import json
import time

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from genlora.images import RowFactors
from genlora.images.mini import draw_subjects
from genlora.train.pictures import Album, fit_loras, make_album

from ._bench import Bench, picked

_MEAN_OF = 64


def own_loras(bench: Bench, album: Album, steps: int) -> tuple[dict[str, RowFactors], float]:
    """A LoRA for each subject of an album, and seconds for one.

    They take most of an evaluation's time and depend on nothing that a better hypernetwork changes: with a folder to
    keep them in, they are trained once for the same pictures, base, rank and steps.
    """
    rank = bench.generator.network.config.rank
    told = json.dumps([bench.generator.base, rank, steps]).encode()
    shown = hashlib.sha256(told)
    for tensor in (album.subjects, album.scenes, album.latents):
        shown.update(tensor.contiguous().numpy().tobytes())
    place = None if bench.kept is None else bench.kept / f"own-{steps}-{shown.hexdigest()[:16]}.safetensors"
    if place is not None and place.is_file():
        with safe_open(place, "pt") as file:
            paths = sorted({key.rpartition("/")[0] for key in file.keys()})
            rows = {path: RowFactors(file.get_tensor(f"{path}/a"), file.get_tensor(f"{path}/b")) for path in paths}
            return rows, float(file.metadata()["seconds"])
    start = time.monotonic()
    rows = fit_loras(bench.model, album, rank=rank, steps=steps)
    seconds = (time.monotonic() - start) / len(album)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        tensors = {f"{path}/{name}": getattr(f, name) for path, f in rows.items() for name in ("a", "b")}
        whole = place.with_suffix(".part")
        save_file({k: v.cpu().contiguous() for k, v in tensors.items()}, whole, metadata={"seconds": repr(seconds)})
        whole.replace(place)
    return rows, seconds


def mean_subject(bench: Bench, rng: torch.Generator) -> dict[str, RowFactors]:
    """One LoRA for all subjects of a training album."""
    bench.heard("one LoRA for all training subjects")
    album = make_album(draw_subjects(_MEAN_OF, rng), 4, bench.model, bench.renderer, bench.generator.encoder(), rng)
    steps = max(bench.options.own_steps, default=100)
    return fit_loras(bench.model, album, rank=bench.generator.network.config.rank, steps=steps, batch=16, together=True)


def nearest_loras(bench: Bench, album: Album, known: Album, steps: int) -> dict[str, RowFactors]:
    """For each subject the LoRA of the training subject whose pictures look most like its references.

    Args:
        bench: what trains and reads.
        album: the subjects, with their references.
        known: training subjects to choose from; each one chosen gets a LoRA of its own.
        steps: of that.
    """
    nearest = (_looks(album) @ _looks(known).T).argmax(1)
    chosen, back = nearest.unique(return_inverse=True)
    part = Album(known.subjects[chosen], known.scenes[chosen], known.latents[chosen], known.tokens[chosen])
    rows, _ = own_loras(bench, part, steps)
    found = picked(rows, back)
    assert isinstance(found, dict)
    return found


def _looks(album: Album) -> Tensor:
    """One unit vector for each subject, from the encoder's tokens of all its pictures: `(n, width)`."""
    return torch.nn.functional.normalize(album.tokens.float().mean((1, 2)), dim=1)

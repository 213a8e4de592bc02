"""What draws and measures pictures, for all methods and held-out levels alike, and how much of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from genlora.errors import ConfigError
from genlora.generators import SubjectGenerator
from genlora.images import Diffusion, Guidance, ReadReferences, ReferenceReader, RowFactors, Sampling, Subjects, sample
from genlora.images.mini import Oracle, Renderer, caption
from genlora.train.pictures import Album

from ._measures import Gallery, Measured, judged, over_subjects, read_vectors, retrieved, spread, unit_vectors

CEILING = "the render, through the autoencoder"
TOKENS = "cross-attention tokens"
NEAREST = "nearest training subject's LoRA"
"""Names of methods that more than one place asks for."""


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How much is evaluated."""

    subjects: int = 200
    seeds: int = 3
    own: int = 40
    """Subjects that get LoRAs of their own; they are the first of each level's."""
    own_steps: tuple[int, ...] = (25, 200)
    """Steps of those, in rising order."""
    long_own: int = 10
    """Subjects with an unseen combination that get LoRAs of `long_steps`; 0 is none."""
    long_steps: int = 1000
    nearest: int = 500
    """Training subjects among which the nearest of each of those is looked for, whose own LoRA then draws it; 0 leaves
    that out."""
    refine: int = 25
    """Steps by which the same subjects' adapters are refined; 0 is none."""
    references: int = 3
    steps: int = 15
    guidance: tuple[str, float, float | None] = ("hybrid", 3.0, None)
    grid_subjects: int = 40
    """Subjects of the curves over guidance; 0 leaves the curves out."""
    strangers: int = 40
    """Subjects of a class that nothing has seen; 0 leaves that level out."""
    retrieval: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("subjects", 2), ("seeds", 1), ("references", 1), ("retrieval", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}, got {getattr(self, name)}")


@dataclass(eq=False)
class Bench:
    """What draws and measures, for all methods and levels alike."""

    model: Diffusion
    generator: SubjectGenerator
    oracle: Oracle
    renderer: Renderer
    options: PictureOptions
    heard: Callable[[str], None]
    reader: ReferenceReader | None = None
    """The trained cross-attention that the hypernetwork is held against, if there is one."""
    kept: Path | None = None
    """Where LoRAs of single subjects are kept, and found again."""

    def drawn(self, rows: Subjects | None, scenes: Tensor, chosen: Guidance) -> Tensor:
        """One picture for each subject and seed, `(n, seeds, 3, h, w)`, in batches of 64; one row is for all."""
        n, seeds = scenes.shape[:2]
        prompts = [caption(scene) for scene in scenes.flatten(0, 1).tolist()]
        sampling = Sampling(guidance=chosen, steps=self.options.steps)
        found = []
        for i in range(0, n * seeds, 64):
            part = torch.arange(i, min(i + 64, n * seeds))
            own = None if rows is None else picked(rows, part // seeds)
            numbers = [10_000 + int(k % seeds) for k in part]  # all methods draw from the same noise
            found.append(sample(self.model, [prompts[k] for k in part], sampling, own, seeds=numbers).cpu())
        return torch.cat(found).unflatten(0, (n, seeds))

    def of_subjects(self, pictures: Tensor, album: Album, scenes: Tensor, gallery: Gallery) -> dict[str, Measured]:
        """All measures, for characters whose attributes the judge reads: the first of the gallery's."""
        n = len(pictures)
        found = judged(self.oracle, pictures, album.subjects[:n], scenes[:n], album.scenes[:n, 0, 0])
        return self.summed(found, pictures, gallery)

    def summed(self, found: dict[str, Tensor], pictures: Tensor, gallery: Gallery) -> dict[str, Measured]:
        """What the judge found with what compares pictures to the gallery, as means over subjects."""
        flat, shape = pictures.flatten(0, 1), pictures.shape[:2]
        vectors, most = unit_vectors(self.generator.encoder(), flat).unflatten(0, shape), self.options.retrieval
        compared = {
            "similarity": gallery.anchors().normalised(gallery.own(vectors)),
            "by encoder": retrieved(vectors[:most], gallery.vectors[:most]).float(),
            "diversity": spread(pictures),
        }
        if gallery.read is not None:
            read = read_vectors(self.oracle, flat).unflatten(0, shape)
            compared["retrieval"] = retrieved(read[:most], gallery.read[:most]).float()
        return {name: over_subjects(values) for name, values in (found | compared).items()}


@torch.no_grad()
def hypernetwork_rows(generator: SubjectGenerator, album: Album, references: int) -> dict[str, RowFactors]:
    """The adapters of all subjects of an album, each from its first `references` pictures."""
    there = generator.network.queries.device
    return generator.network(album.tokens[:, :references].to(there).float())


def picked(rows: Subjects, who: Tensor) -> Subjects:
    """The subjects of the rows `who`, in that order; where there is one row, it is everybody's."""
    if isinstance(rows, ReadReferences):
        return rows.picked(who)
    if len(next(iter(rows.values())).a) == 1:
        who = torch.zeros_like(who)
    return {path: RowFactors(f.a[who], f.b[who]) for path, f in rows.items()}


def first_of(album: Album, n: int, views: int | None = None) -> Album:
    """The first subjects, and of each the first pictures."""
    shown = (tensor[:n, :views] for tensor in (album.scenes, album.latents, album.tokens))
    return Album(album.subjects[:n], *shown)

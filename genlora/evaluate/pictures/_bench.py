"""What draws and measures pictures, for all methods and held-out levels alike, and how much of it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from genlora.errors import ConfigError
from genlora.generators import SubjectGenerator
from genlora.images import Diffusion, Guidance, RowFactors, Rows, Sampling, sample
from genlora.images.mini import Oracle, Renderer, caption
from genlora.train.pictures import Album

from ._measures import Gallery, Measured, judged, over_subjects, spread, unit_vectors


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How much is evaluated."""

    subjects: int = 200
    seeds: int = 3
    own: int = 40
    """Subjects that get LoRAs of their own; they are the first of each level's."""
    own_steps: tuple[int, ...] = (25, 200)
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

    def drawn(self, rows: Rows | None, scenes: Tensor, chosen: Guidance) -> Tensor:
        """One picture for each subject and seed, `(n, seeds, 3, h, w)`, in batches of 64."""
        n, seeds = scenes.shape[:2]
        prompts = [caption(scene) for scene in scenes.flatten(0, 1).tolist()]
        sampling = Sampling(guidance=chosen, steps=self.options.steps)
        found = []
        for i in range(0, n * seeds, 64):
            part = torch.arange(i, min(i + 64, n * seeds))
            own = None
            if rows is not None:
                who = part // seeds if len(next(iter(rows.values())).a) > 1 else torch.zeros_like(part)
                own = {path: RowFactors(f.a[who], f.b[who]) for path, f in rows.items()}
            numbers = [10_000 + int(k % seeds) for k in part]  # all methods draw from the same noise
            found.append(sample(self.model, [prompts[k] for k in part], sampling, own, seeds=numbers))
        return torch.cat(found).unflatten(0, (n, seeds))

    def of_subjects(self, pictures: Tensor, album: Album, scenes: Tensor, gallery: Gallery) -> dict[str, Measured]:
        """All measures, for characters whose attributes the judge reads."""
        found = judged(self.oracle, pictures, album.subjects, scenes, album.scenes[:, 0, 0])
        return self.summed(found, pictures, gallery)

    def summed(self, found: dict[str, Tensor], pictures: Tensor, gallery: Gallery) -> dict[str, Measured]:
        """What the judge found with what needs no judge, as means over subjects."""
        vectors = unit_vectors(self.generator.encoder(), pictures.flatten(0, 1)).unflatten(0, pictures.shape[:2])
        few = min(len(pictures), self.options.retrieval)
        similar = {
            "similarity": gallery.anchors().normalised(gallery.own(vectors)),
            "retrieval": Gallery(gallery.vectors[:few]).retrieved(vectors[:few]).float(),
            "diversity": spread(pictures),
        }
        return {name: over_subjects(values) for name, values in (found | similar).items()}


@torch.no_grad()
def hypernetwork_rows(generator: SubjectGenerator, album: Album, references: int) -> dict[str, RowFactors]:
    """The adapters of all subjects of an album, each from its first `references` pictures."""
    return generator.network(album.tokens[:, :references].float())


def first_of(album: Album, n: int, views: int | None = None) -> Album:
    """The first subjects, and of each the first pictures."""
    shown = (tensor[:n, :views] for tensor in (album.scenes, album.latents, album.tokens))
    return Album(album.subjects[:n], *shown)

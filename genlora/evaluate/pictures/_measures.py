"""What is measured on drawn pictures: attributes read by the judge, similarity, retrieval, leaks, diversity."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlora.images import PictureEncoder
from genlora.images.mini import SCENE, SUBJECT, Oracle, Picture, Renderer, draw_scenes

BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Measured:
    """A mean with its 95 % interval over subjects."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Rounded to four places."""
        return {"mean": round(self.mean, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def over_subjects(values: Tensor, seed: int = 0) -> Measured:
    """The mean of all `(subjects, draws)`, bootstrapped over subjects: one subject's pictures are not independent."""
    each = values.float().mean(1)
    rng = torch.Generator().manual_seed(seed)
    drawn = each[torch.randint(len(each), (BOOTSTRAPS, len(each)), generator=rng)].mean(1)
    low, high = torch.quantile(drawn, torch.tensor([0.025, 0.975])).tolist()
    return Measured(each.mean().item(), low, high)


@dataclass(frozen=True, eq=False)
class Anchors:
    """What similarity means: of renders of one subject, and of different ones."""

    same: float
    other: float

    def normalised(self, similarity: Tensor) -> Tensor:
        """0 is another subject's, 1 is the subject's own render."""
        return (similarity - self.other) / (self.same - self.other)


@dataclass(frozen=True, eq=False)
class Gallery:
    """Real renders of the subjects that are evaluated, as unit vectors `(subjects, views, width)`."""

    vectors: Tensor
    """By the frozen encoder, which a miniature's blur misleads: of renders themselves it knows 59 % among 60."""
    read: Tensor | None = None
    """By the judge, which knows all of them; None for subjects that it cannot read."""

    @classmethod
    def of(
        cls,
        subjects: Tensor,
        renderer: Renderer,
        encoder: PictureEncoder,
        oracle: Oracle,
        rng: torch.Generator,
        views: int = 4,
    ) -> "Gallery":
        """Render each subject `views` times in random scenes."""
        n = len(subjects)
        pictures = renderer.draw(Picture(subjects.repeat_interleave(views, 0), draw_scenes(n * views, rng)))
        seen = (unit_vectors(encoder, pictures), read_vectors(oracle, pictures))
        return cls(*(vectors.unflatten(0, (n, views)) for vectors in seen))

    def anchors(self) -> Anchors:
        """Mean similarity between views of one subject, and between views of different ones."""
        n, views, _ = self.vectors.shape
        flat = self.vectors.flatten(0, 1)
        similarity = flat @ flat.T
        owner = torch.arange(n).repeat_interleave(views)
        same = owner[:, None] == owner[None]
        itself = torch.eye(n * views, dtype=torch.bool)
        return Anchors(similarity[same & ~itself].mean().item(), similarity[~same].mean().item())

    def own(self, vectors: Float[Tensor, "some draws width"]) -> Float[Tensor, "some draws"]:
        """Mean similarity of drawn pictures of the first subjects to the renders of their own."""
        return torch.einsum("ndw,nvw->nd", vectors, self.vectors[: len(vectors)]) / self.vectors.shape[1]


def retrieved(vectors: Float[Tensor, "some draws width"], among: Float[Tensor, "subjects views width"]) -> Tensor:
    """Whether the nearest of all subjects is the right one, `(some, draws)`, for pictures of the first subjects."""
    mean = torch.nn.functional.normalize(among.mean(1), dim=1)
    nearest = torch.einsum("ndw,mw->ndm", vectors, mean).argmax(2)
    return nearest == torch.arange(len(vectors))[:, None]


@torch.no_grad()
def read_vectors(oracle: Oracle, pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n width"]:
    """The judge's logits of the subject's attributes as unit vectors: how sure it is of each value, not which wins."""
    read = oracle(pictures)
    centred = [read[name] - read[name].mean(1, keepdim=True) for name in SUBJECT]
    return torch.nn.functional.normalize(torch.cat(centred, 1), dim=1)


def unit_vectors(encoder: PictureEncoder, pictures: Tensor, batch: int = 128) -> Tensor:
    """The encoder's tokens, pooled place by place, as unit vectors."""
    parts = [encoder.pooled(pictures[i : i + batch]) for i in range(0, len(pictures), batch)]
    return torch.cat(parts)


@torch.no_grad()
def judged(
    oracle: Oracle,
    pictures: Float[Tensor, "subjects draws c h w"],
    subjects: Tensor,
    scenes: Int[Tensor, "subjects draws 4"],
    reference_backgrounds: Tensor,
) -> dict[str, Tensor]:
    """Per picture `(subjects, draws)`: shares of subject and prompt attributes right, and whether the background leaks.

    Args:
        oracle: the judge.
        pictures: what was drawn.
        subjects: who it should be, `(subjects, 5)`.
        scenes: what the prompts asked for.
        reference_backgrounds: the first reference picture's background, `(subjects,)`; a leak is a picture that shows
            it although the prompt asked for another.
    """
    n, draws = pictures.shape[:2]
    truth = Picture(subjects.repeat_interleave(draws, 0), scenes.flatten(0, 1))
    right = {k: v.unflatten(0, (n, draws)).float() for k, v in oracle.right(pictures.flatten(0, 1), truth).items()}
    read = oracle(pictures.flatten(0, 1))["background"].argmax(1).unflatten(0, (n, draws))
    asked = scenes[..., 0]
    leaks = (read == reference_backgrounds[:, None]) & (asked != reference_backgrounds[:, None])
    return {
        "subject": torch.stack([right[k] for k in SUBJECT]).mean(0),
        "prompt": torch.stack([right[k] for k in SCENE]).mean(0),
        "leak": leaks.float(),
        **{k: right[k] for k in (*SUBJECT, *SCENE)},
    }


def spread(pictures: Float[Tensor, "subjects draws c h w"]) -> Tensor:
    """Mean distance between a subject's pictures of one prompt: near 0 is copying. `(subjects, 1)`."""
    flat = pictures.flatten(2)
    if flat.shape[1] < 2:
        return torch.zeros(len(flat), 1)
    distances = torch.stack([torch.pdist(each).mean() for each in flat])
    return (distances / flat.shape[2] ** 0.5)[:, None]


def shuffled(n: int, rng: torch.Generator) -> Tensor:
    """A permutation in which nobody keeps their place."""
    order = torch.randperm(n, generator=rng)
    wrong: Sequence[int] = order.tolist()
    mapping = torch.empty(n, dtype=torch.long)
    for i, row in enumerate(wrong):
        mapping[row] = wrong[(i + 1) % n]
    return mapping

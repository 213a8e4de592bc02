"""Albums: several pictures of each subject, with their latents, captions and tokens kept."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from genlora.images import Diffusion, PictureEncoder, Prompts, in_batches
from genlora.images.mini import Picture, Renderer, draw_scenes


@dataclass(frozen=True, eq=False)
class Album:
    """`n` subjects, `v` pictures of each."""

    subjects: Tensor
    """`(n, 5)`."""
    scenes: Tensor
    """`(n, v, 4)`."""
    latents: Tensor
    """`(n, v, c, h, w)`."""
    tokens: Tensor
    """`(n, v, t, width)` in half precision."""

    @property
    def views(self) -> int:
        return self.scenes.shape[1]

    def __len__(self) -> int:
        return len(self.subjects)


def make_album(
    subjects: Tensor, views: int, model: Diffusion, renderer: Renderer, encoder: PictureEncoder, rng: torch.Generator
) -> Album:
    """Render `views` pictures of each subject, in scenes drawn at random, and encode them once."""
    scenes = draw_scenes(len(subjects) * views, rng).unflatten(0, (len(subjects), views))
    everyone = subjects.repeat_interleave(views, 0)

    def render(rows: Tensor) -> Tensor:
        return renderer.draw(Picture(everyone[rows], scenes.flatten(0, 1)[rows]))

    return album_of(subjects, scenes, render, model, encoder)


def album_of(
    subjects: Tensor, scenes: Tensor, render: Callable[[Tensor], Tensor], model: Diffusion, encoder: PictureEncoder
) -> Album:
    """Encode the pictures of subjects once.

    Args:
        subjects: what is known of them, `(n, 5)`.
        scenes: of each picture, `(n, v, 4)`.
        render: the pictures with these numbers, counted subject by subject.
        model: whose latents are kept.
        encoder: whose tokens are kept.
    """
    n, views = scenes.shape[:2]
    latents, tokens = [], []
    for rows in torch.arange(n * views).split(128):
        pictures = render(rows)
        latents.append(model.encode(pictures).cpu())
        tokens.append(in_batches(encoder, pictures).half())
    return Album(
        subjects, scenes, torch.cat(latents).unflatten(0, (n, views)), torch.cat(tokens).unflatten(0, (n, views))
    )


def draw_views(
    n: int, views: int, most: int, rng: torch.Generator, *, targets: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """For each of n rows target views `(n, targets)`, `most` others `(n, most)`, and which of those are present."""
    order = torch.rand(n, views, generator=rng).argsort(1)
    count = torch.randint(1, most + 1, (n, 1), generator=rng)
    return order[:, :targets], order[:, targets : targets + most], torch.arange(most) < count


class PromptTable:
    """Encoded prompts by scene: there are few of them, and the text encoder is frozen."""

    def __init__(self, model: Diffusion) -> None:
        self.model = model
        self.empty = model.encode_prompts([""]).states[0]
        self._known: dict[tuple[int, ...], Tensor] = {}

    def states(self, scenes: Tensor, dropped: Tensor | None = None) -> Prompts:
        """The prompts of scenes `(n, 4)`; those `dropped` are empty."""
        from genlora.images.mini import caption

        keys = [tuple(scene) for scene in scenes.tolist()]
        new = sorted({key for key in keys if key not in self._known})
        if new:
            for key, state in zip(new, self.model.encode_prompts([caption(key) for key in new]).states, strict=True):
                self._known[key] = state
        states = torch.stack([self._known[key] for key in keys])
        if dropped is not None:
            states = torch.where(dropped.to(states.device)[:, None, None], self.empty, states)
        return Prompts(states)

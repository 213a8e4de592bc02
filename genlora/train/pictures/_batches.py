"""Batches of renders whose attributes are known."""

import torch

from genlora.images.mini import Picture, draw_scenes, draw_subjects


def draw_batch(n: int, rng: torch.Generator, *, unseen: float = 0.25) -> Picture:
    """A batch of random pictures, `unseen` of them with values that the U-Net is never trained on."""
    few = round(n * unseen)
    subjects = [draw_subjects(n - few, rng), draw_subjects(few, rng, level="value")]
    return Picture(torch.cat(subjects), draw_scenes(n, rng))

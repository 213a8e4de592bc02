"""A classifier's training pictures from a text-to-image model that has seen a few real ones.

DataDream (Kim et al. 2024, arXiv 2407.10910), its `dset` form: one LoRA of the generator for all classes, from the few
real pictures and their captions; pictures of each class are sampled with it and kept where a judge takes them for
their class. What asks, drops and keeps is what transfer synthesises texts with (`genlora.train.synthesis`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from genlora.errors import ConfigError, TrainingError
from genlora.images import ATTENTION, Diffusion, Guidance, RowFactors, Rows, Sampling, sample

from ..synthesis._rounds import SynthesisCounts, synthesis_rounds
from ._fit_loras import refine_rows

GUIDANCE = 2.0
"""DataDream's: more of it draws a class alike again and again."""
_ROUND = 32
_FLAT = 1 / 255
"""A picture whose points differ by less shows nothing."""

Scores = Callable[[Tensor, Sequence[int]], Sequence[float]]
"""Of pictures (n, 3, side, side) and their classes: from 0 on a picture passes for its class."""


@dataclass(frozen=True, eq=False)
class Dreamed:
    """Pictures of a generator, with the classes that they were asked for."""

    pictures: Tensor
    """(n, 3, side, side), in [0, 1]."""
    classes: tuple[int, ...]
    counts: SynthesisCounts


def fit_shots(
    model: Diffusion,
    pictures: Float[Tensor, "n 3 side side"],
    captions: Sequence[str],
    *,
    rank: int = 8,
    steps: int = 300,
    batch: int = 8,
    lr: float = 3e-3,
    seed: int = 0,
) -> Rows:
    """One LoRA of a text-to-image model from a few captioned pictures of all classes, one row.

    Raises `ConfigError` where captions and pictures differ in number.
    """
    nothing = {
        path: RowFactors(torch.zeros(1, 0, d_in), torch.zeros(1, d_out, 0))
        for path, (d_in, d_out) in model.targets(ATTENTION).items()
    }
    return refine_rows(model, nothing, pictures, captions, rank=rank, steps=steps, batch=batch, lr=lr, seed=seed)


def dream(
    model: Diffusion,
    captions: Sequence[Sequence[str]],
    each: int,
    rows: Rows | None = None,
    *,
    scores: Scores | None = None,
    most: int = 4,
    steps: int = 20,
    guidance: float = GUIDANCE,
    seed: int = 0,
) -> Dreamed:
    """Sample pictures of classes until `each` of every class are kept.

    Args:
        model: the text-to-image model.
        captions: of each class, in turns.
        each: pictures of a class that are wanted.
        rows: a LoRA of it, one row (`fit_shots`), or None for the model as it is.
        scores: the judge; None keeps everything.
        most: pictures of a class that are sampled at most, in multiples of `each`.
        steps: of sampling.
        guidance: by text.
        seed: of all noise.

    Raises:
        ConfigError: without a class, a caption or a picture wanted.
        TrainingError: where a class has not one picture that was kept.
    """
    if not captions or not all(captions) or each < 1:
        raise ConfigError(
            f"{len(captions)} classes with {min(map(len, captions), default=0)} captions at least, {each} pictures "
            "each; expected one of each at least"
        )
    chosen, judge = Guidance.cfg(guidance), scores or (lambda pictures, classes: [0.0] * len(classes))
    kept: list[Tensor] = []
    classes: list[int] = []
    total = SynthesisCounts()
    for number, said in enumerate(captions):

        def make(round_: int, number: int = number, said: Sequence[str] = said) -> list[Tensor | None]:
            n = min(_ROUND, each)
            first = number * most * each + round_ * n
            prompts = [said[(round_ * n + i) % len(said)] for i in range(n)]
            drawn = sample(
                model,
                prompts,
                Sampling(guidance=chosen, steps=steps, seed=seed),
                None if rows is None else {path: factors.repeated(n) for path, factors in rows.items()},
                seeds=[seed + first + i for i in range(n)],
            )
            return [p if p.isfinite().all() and float(p.max() - p.min()) > _FLAT else None for p in drawn]

        def scored(pictures: Sequence[Tensor], number: int = number) -> Sequence[float]:
            return judge(torch.stack(list(pictures)), [number] * len(pictures))

        *_, found = synthesis_rounds(make, scored, _key, count=each, most=most * each)
        some = found.kept[:each]
        if not some:
            raise TrainingError(
                f"{said[0]!r}: none of {found.counts.asked} pictures was kept as one. Show more pictures of the class, "
                "train the LoRA longer, or keep without a judge."
            )
        total = total + found.counts
        kept += some
        classes += [number] * len(some)
    return Dreamed(torch.stack(kept), tuple(classes), total)


def _key(picture: Tensor) -> bytes:
    return (picture * 255).round().to(torch.uint8).numpy().tobytes()

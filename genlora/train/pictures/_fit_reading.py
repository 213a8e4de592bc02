"""Before the diffusion loss: the hypernetwork's trunk learns to name what its pictures show."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genlora.generators import SubjectNetwork
from genlora.images.mini import SUBJECT

from ._album import Album, draw_views

STANDARD = 512
"""How many subjects the mixing is set by."""


def fit_reading(
    network: SubjectNetwork,
    album: Album,
    *,
    steps: int,
    references: int = 3,
    batch: int = 48,
    lr: float = 1e-3,
    seed: int = 0,
    heard: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train reader, queries and decoder layers, in place, to tell the attributes of the album's subjects.

    The gradient of a diffusion loss says little about which of ten tops a picture shows before an adapter can draw
    any. A linear reading of the mean query, thrown away afterwards, says it at once. At the end the mixing is set by
    `standardise`; heads and common factors are not touched, so that the first adapter is still the base. It needs
    renders whose attributes are known.

    Args:
        network: the hypernetwork.
        album: training subjects.
        steps: how many.
        references: largest number of reference pictures of a row.
        batch: subjects a step.
        lr: the rate, after a few steps.
        seed: of everything.
        heard: told the step and the loss (nats, summed over the attributes) every 20 steps.
    """
    name_subjects(
        lambda tokens, present: network.read(tokens, present).mean(1),
        trunk_of(network),
        network.config.width,
        album,
        steps=steps,
        references=references,
        batch=batch,
        lr=lr,
        seed=seed,
        heard=heard,
    )
    with torch.no_grad():
        some = album.tokens[:STANDARD, :references].to(network.mixing.device).float()
        network.standardise(torch.cat([network.read(part) for part in some.split(batch)]))


def name_subjects(
    vectors: Callable[[Tensor, Tensor], Tensor],
    trunk: list[nn.Parameter],
    width: int,
    album: Album,
    *,
    steps: int,
    references: int = 3,
    batch: int = 48,
    lr: float = 1e-3,
    seed: int = 0,
    heard: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train weights that read pictures, in place, so that a line through what they give names each attribute.

    Args:
        vectors: from tokens `(n, pictures, cells, token)`, and which pictures are present, to `(n, width)`.
        trunk: the weights behind it.
        width: of the vectors.
        album: training subjects.
        steps: how many.
        references: largest number of reference pictures of a row.
        batch: subjects a step.
        lr: the rate, after a few steps.
        seed: of everything.
        heard: told the step and the loss (nats, summed over the attributes) every 20 steps.
    """
    sizes = [len(values) for values in SUBJECT.values()]
    there = trunk[0].device
    reading = nn.Linear(width, sum(sizes)).to(there)
    weights = [*trunk, *reading.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.0)
    for step in range(steps):
        rng = torch.Generator().manual_seed(seed * 1_000_003 + 500_009 + step)
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1, (step + 1) / 50)
        rows = torch.randint(len(album), (batch,), generator=rng)
        _, seen, present = draw_views(batch, album.views, references, rng)
        named = reading(vectors(album.tokens[rows[:, None], seen].to(there).float(), present.to(there))).split(sizes, 1)
        loss = torch.stack(
            [nn.functional.cross_entropy(logits, album.subjects[rows, i].to(there)) for i, logits in enumerate(named)]
        ).sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        if step % 20 == 19:
            heard(step + 1, loss.item())


def trunk_of(network: SubjectNetwork) -> list[nn.Parameter]:
    """The weights that read pictures, without those that write factors."""
    writes = ("heads.", "common_", "mixing", "shift")
    return [p for name, p in network.named_parameters() if not name.startswith(writes)]

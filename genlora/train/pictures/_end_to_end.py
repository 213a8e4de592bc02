"""Training through the frozen base: whatever makes a subject of its pictures has to draw others of them."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from genlora.errors import ConfigError
from genlora.images import ATTENTION, Diffusion

from ._album import Album, PromptTable, draw_views
from ._fit_base import diffusion_loss
from ._resume import load_progress, save_progress


@dataclass(frozen=True, kw_only=True)
class SubjectFit:
    """How a network is fitted that makes subjects of their pictures."""

    steps: int
    batch: int = 16
    """Subjects a step."""
    each: int = 3
    """Pictures that each subject has to draw in a step: the network runs once for them."""
    reading: int = 0
    """Steps before the first of the above in which the trunk alone learns to name what is rendered (`fit_reading`)."""
    later: float = 1.0
    """How times are drawn: 1 evenly, above 1 rather noisy ones, where a subject is not yet seen in the latents."""
    lr: float = 3e-4
    """Of the heads, whose every output sums some two hundred inputs of unit spread."""
    common: float = 10.0
    """Rate of the common factors, in rates of the heads."""
    trunk: float = 0.3
    """Rate of the weights that read pictures, in rates of the heads: what they change, the mixing enlarges."""
    warmup: int = 50
    penalty: float = 1e-4
    """Weight of the mean square of what the network gives."""
    empty: float = 0.05
    """Share of empty prompts, so that the subject's model has an empty branch too."""
    references: int = 3
    """Largest number of reference pictures of a row; each row draws from 1 to this."""
    targets: str = ATTENTION
    seed: int = 0
    save_every: int = 100


Carry = Callable[[Tensor, Tensor], tuple[AbstractContextManager[object], Tensor]]
"""From the tokens of references, and which are present, to the U-Net with each row's subject in it, `each` rows for one
subject, and the mean square of what the network gave."""


def fit_end_to_end(
    network: nn.Module,
    groups: Sequence[tuple[list[nn.Parameter], float]],
    carry: Carry,
    fit: SubjectFit,
    model: Diffusion,
    album: Album,
    checkpoint: Path,
    *,
    base: str,
    before: Callable[[], None],
    heard: Callable[[int, Mapping[str, float], float], None],
    look: Callable[[int], None],
) -> None:
    """Train a network in place, going on from `checkpoint` if it is there.

    A row's targets are never among its references, so that a background copied from them does not help.

    Args:
        network: what is trained; the base is not.
        groups: its parameters, each with its rate in rates of `fit.lr`.
        carry: puts the subjects into the U-Net.
        fit: how long and how.
        model: the frozen base.
        album: training subjects, with more pictures of each than the largest number of references.
        checkpoint: the file that a stopped training goes on from.
        base: fingerprint of the model; a checkpoint that was made through another one is refused.
        before: run before the first step, unless a checkpoint is there.
        heard: told the step, means of `loss` and `norm` (root mean square of what the network gives), and seconds.
        look: told the step at every checkpoint.

    Raises:
        ConfigError: if the album has too few pictures of each subject, or the checkpoint is of another base.
    """
    if album.views < fit.references + fit.each:
        raise ConfigError(
            f"{album.views} pictures of each subject; expected at least {fit.references} references and {fit.each} "
            "others to draw"
        )
    there = model.device
    network.to(there)  # before the optimizer: its moments are where the weights are
    made = [{"params": params} for params, _ in groups]
    optimizer = torch.optim.AdamW(made, lr=fit.lr, weight_decay=0.0, betas=(0.9, 0.98))
    modules, fresh = {"network": network}, not checkpoint.exists()
    notes = {"step": 0, "base": base} if fresh else load_progress(checkpoint, modules, optimizer)
    if notes["base"] != base:
        raise ConfigError(
            f"{checkpoint}: was trained through the model {notes['base'][:12]}, this one is {base[:12]}. "
            "Move it away to start from the beginning."
        )
    start = time.monotonic()
    if fresh and fit.reading:
        before()
        save_progress(checkpoint, modules, optimizer, notes)
    prompts = PromptTable(model)
    sums = {"loss": 0.0, "norm": 0.0}
    for step in range(notes["step"], fit.steps):
        rng = torch.Generator().manual_seed(fit.seed * 1_000_003 + step)
        for group, (_, share) in zip(optimizer.param_groups, groups, strict=True):
            shrunk = 0.51 + 0.49 * math.cos(math.pi * step / fit.steps)
            group["lr"] = share * fit.lr * min(1, (step + 1) / fit.warmup) * shrunk
        rows = torch.randint(len(album), (fit.batch,), generator=rng)
        targets, references, present = draw_views(fit.batch, album.views, fit.references, rng, targets=fit.each)
        carried, squares = carry(album.tokens[rows[:, None], references].to(there).float(), present.to(there))
        pictured, views = rows.repeat_interleave(fit.each), targets.flatten()
        dropped = torch.rand(len(pictured), generator=rng) < fit.empty
        states = prompts.states(album.scenes[pictured, views], dropped)
        with carried:
            loss = diffusion_loss(
                lambda x, t, s=states: model.predict(x, t, s),
                album.latents[pictured, views].to(there),
                model.scheduler,
                rng,
                later=fit.later,
            )
            optimizer.zero_grad()
            (loss + fit.penalty * squares).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        sums["loss"] += loss.item() / 20
        sums["norm"] += squares.item() ** 0.5 / 20
        if step % 20 == 19:
            heard(step + 1, dict(sums), time.monotonic() - start)
            sums = dict.fromkeys(sums, 0.0)
        if (step + 1) % fit.save_every == 0 or step + 1 == fit.steps:
            save_progress(checkpoint, modules, optimizer, {"step": step + 1, "base": base})
            look(step + 1)

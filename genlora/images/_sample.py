"""From a prompt, and a subject's adapter, to pictures: all branches of a guidance in one call of the U-Net."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlora.errors import ConfigError

from ._decor import decor, unwanted_directions
from ._diffusion import Diffusion, Prompts
from ._guidance import PARTS, Guidance
from ._reader import ReadReferences
from ._rows import Rows, row_loras

Subjects = Rows | ReadReferences
"""What makes each row of a batch its subject's: a LoRA of its own, or references that it attends over."""

MOST_STEPS = 1000


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How pictures are sampled."""

    guidance: Guidance
    steps: int = 20
    seed: int = 0
    """Of the first noise; a row's noise depends on the seed and its number alone."""
    inject_after: float = 0.0
    """Share of the steps that the base makes alone, before the subject's adapter comes in, for the prompt's layout."""
    base_prompt: str | None = None
    """What the base's branch is told instead, such as the plain noun of the class; None is the prompt itself."""
    unwanted: str | None = None
    """Words whose directions are taken out of the prompt's embeddings (DECOR)."""
    unwanted_strength: float = 1.0
    """How much of them: 0 is none."""

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise ConfigError(f"steps must be from 1 to {MOST_STEPS}, got {self.steps}")
        if not 0 <= self.inject_after <= 1:
            raise ConfigError(f"inject_after must be from 0 to 1, got {self.inject_after}")


def sample(
    model: Diffusion,
    prompts: Sequence[str],
    sampling: Sampling,
    rows: Subjects | None = None,
    *,
    seeds: Sequence[int] | None = None,
    step_done: Callable[[int], None] = lambda step: None,
) -> Float[Tensor, "n 3 h w"]:
    """Sample one picture for each prompt, in [0, 1].

    Args:
        model: the base.
        prompts: what to draw.
        sampling: how.
        rows: the subject for each prompt; None is the base alone, and the guidance's subject is then the base.
        seeds: of each row's first noise; None counts up from the sampling's.
        step_done: told each step's number.

    Raises:
        ConfigError: if there is no prompt, or the rows' number is another than the prompts'.
    """
    n = len(prompts)
    if not n:
        raise ConfigError("no prompt was given")
    if isinstance(rows, ReadReferences):
        if len(rows) != n:
            raise ConfigError(f"references of {len(rows)} pictures, and {n} prompts")
    else:
        for path, factors in (rows or {}).items():
            if len(factors.a) != n:
                raise ConfigError(f"{path}: LoRA rows for {len(factors.a)} pictures, and {n} prompts")
    states = _branches(model, prompts, sampling)
    with torch.no_grad():
        scheduler = _fresh(model.scheduler)
        scheduler.set_timesteps(sampling.steps, device=model.device)
        latents = _noise(model, n, seeds or range(sampling.seed, sampling.seed + n)) * scheduler.init_noise_sigma
        first = round(sampling.inject_after * len(scheduler.timesteps))
        extra = _step_options(scheduler, sampling.seed)
        for step, time in enumerate(scheduler.timesteps):
            guidance = sampling.guidance if rows and step >= first else sampling.guidance.before_subject()
            scaled = scheduler.scale_model_input(latents, time)
            predicted = guided(model, scaled, time, states, guidance, rows or {})
            latents = scheduler.step(predicted, time, latents, **extra).prev_sample
            step_done(step)
        return model.decode(latents)


def guided(
    model: Diffusion, latents: Tensor, time: Tensor, states: dict[str, Prompts], guidance: Guidance, rows: Subjects
) -> Tensor:
    """The guided prediction for `n` latents: one call of the U-Net for all branches that count.

    Args:
        model: the base.
        latents: `(n, c, h, w)`, scaled for the model.
        time: the step's time.
        states: the encoded prompts of each branch in `PARTS`.
        guidance: the branches' coefficients.
        rows: the subject of each of the n rows.
    """
    n, parts = len(latents), guidance.needed
    strength = torch.cat([torch.full((n,), float(part.startswith("subject"))) for part in parts]).to(latents.device)
    with _drawing(model.unet, rows, strength, len(parts)):
        predicted = model.predict(
            latents.repeat(len(parts), 1, 1, 1), time, Prompts.joined([states[part] for part in parts])
        )
    coefficients = predicted.new_tensor(list(parts.values()))
    return torch.einsum("p,pn...->n...", coefficients, predicted.unflatten(0, (len(parts), n)))


def _drawing(unet: Any, rows: Subjects, strength: Tensor, branches: int) -> AbstractContextManager[None]:
    """The U-Net with each row's subject in all branches; where no row wants one, as it is."""
    if not rows or not bool(strength.any()):
        return nullcontext()
    if isinstance(rows, ReadReferences):
        return rows.on(unet, strength)
    return row_loras(unet, {path: factors.repeated(branches) for path, factors in rows.items()}, strength)


def _branches(model: Diffusion, prompts: Sequence[str], sampling: Sampling) -> dict[str, Prompts]:
    """The encoded prompts of each branch."""
    n = len(prompts)
    empty = model.encode_prompts([""]).repeated(n)
    asked = _without_unwanted(model, model.encode_prompts(prompts), sampling)
    base = asked if sampling.base_prompt is None else model.encode_prompts([sampling.base_prompt]).repeated(n)
    return dict(zip(PARTS, (empty, base, empty, asked), strict=True))


def _without_unwanted(model: Diffusion, asked: Prompts, sampling: Sampling) -> Prompts:
    if not sampling.unwanted or not sampling.unwanted_strength:
        return asked
    tokens = model.encode_prompts([sampling.unwanted]).states[0]
    # The start token's norm is larger than that of all words, and the padding after them is no word.
    words = _word_count(model, sampling.unwanted)
    if not words:
        raise ConfigError(f"the unwanted words {sampling.unwanted[:60]!r} hold no token")
    directions = unwanted_directions(tokens[1 : 1 + words])
    return Prompts(decor(asked.states, directions, sampling.unwanted_strength), asked.pooled)


def _word_count(model: Diffusion, text: str) -> int:
    tokenizer: Any = model.pipeline.tokenizer
    return min(len(tokenizer(text)["input_ids"]) - 2, tokenizer.model_max_length - 2)


def _fresh(scheduler: Any) -> Any:
    """A scheduler of its own: some keep the last predictions from one step to the next."""
    return type(scheduler).from_config(scheduler.config)


def _noise(model: Diffusion, n: int, seeds: Sequence[int] | range) -> Tensor:
    side, channels = int(model.unet.config.sample_size), int(model.unet.config.in_channels)
    if len(seeds) != n:
        raise ConfigError(f"{len(seeds)} seeds for {n} pictures")
    drawn = [torch.randn(channels, side, side, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(drawn).to(model.device, model.dtype)


def _step_options(scheduler: Any, seed: int) -> dict[str, Any]:
    """A scheduler that draws noise at each step gets its own source of it."""
    takes = inspect.signature(scheduler.step).parameters
    return {"generator": torch.Generator().manual_seed(seed)} if "generator" in takes else {}

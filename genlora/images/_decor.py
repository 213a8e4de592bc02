"""DECOR (arXiv 2412.09169): take unwanted directions out of a prompt's embeddings before they steer a picture."""

import torch
from jaxtyping import Float
from torch import Tensor

from genlora.errors import ConfigError


def unwanted_directions(unwanted: Float[Tensor, "tokens width"], keep: int | None = None) -> Float[Tensor, "width k"]:
    """An orthonormal basis V of what unwanted tokens' embeddings span.

    Args:
        unwanted: their embeddings, without those of the start token: its norm would be all of the span.
        keep: how many leading directions; None is all of singular values above rounding.
    """
    _, values, directions = torch.linalg.svd(unwanted.float(), full_matrices=False)
    real = int((values > 1e-5 * values[:1].clamp_min(1e-12)).sum())
    return directions[: real if keep is None else min(keep, real)].T


def decor(
    states: Float[Tensor, "*rows width"], directions: Float[Tensor, "width k"], strength: float = 1.0
) -> Float[Tensor, "*rows width"]:
    """X' = X - strength · X V Vᵀ: 0 leaves the embeddings, 1 leaves nothing in the unwanted directions.

    Raises:
        ConfigError: for a strength outside [0, 1].
    """
    if not 0 <= strength <= 1:
        raise ConfigError(f"DECOR's strength is {strength}; expected 0 to 1")
    v = directions.to(states.dtype)
    return states - strength * (states @ v) @ v.T

"""A conditional variational autoencoder over coefficients of experts (ICM-LoRA, SG-LoRA).

prior = standard (ICM-LoRA, Shao et al., arXiv 2501.17635): z ~ N(0, I), w = D(z, c), with c a task's vector.
prior = learned (SG-LoRA, arXiv 2509.10535): z ~ p(z | c), with c the mean and deviation of the aggregate of the
neighbours' experts (the text vector appended, if asked for); the decoder adds its output to that mean.

Loss: mean over coefficients of (w - ŵ)² + beta · KL(q(z | w, c) ‖ p(z | c)). ICM-LoRA's convolutions read
flattened factors; coefficients of a joint basis have no neighbourhood, so that both priors have perceptrons here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.errors import ConfigError, ManifestError

Prior = Literal["standard", "learned"]
Coefficients = Float[Tensor, "batch dim"]
Condition = Float[Tensor, "batch condition"]
Latent = Float[Tensor, "batch latent"]


@dataclass(frozen=True, kw_only=True)
class CvaeConfig:
    """Sizes of the network; plain JSON in an artefact."""

    dim: int
    """Coefficients of an expert."""
    condition: int
    """Size of the condition."""
    prior: Prior = "standard"
    latent: int = 16
    hidden: int = 128
    anchors: int = 0
    """With anchors (the library's task vectors) the condition is read as its likeness to each of them: a softmax over
    cosine similarities. A perceptron on a raw vector learns the words of the descriptions it has seen, not the task."""
    temperature: float = 0.07
    """Of that softmax."""
    residual: bool = False
    """Whether the first `dim` numbers of the condition are a first guess, which the decoder's output is added to."""

    def __post_init__(self) -> None:
        for name in ("dim", "condition", "latent", "hidden"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1. Correct the setting.")
        if self.prior not in ("standard", "learned"):
            raise ConfigError(f"prior is {self.prior!r}, expected standard or learned.")
        if self.residual and self.condition < self.dim:
            raise ConfigError(f"residual needs a condition of at least {self.dim} numbers, got {self.condition}.")
        if self.anchors < 0 or (self.anchors and self.residual) or not self.temperature > 0:
            raise ConfigError("anchors must not be negative nor go with residual, and temperature must be positive.")

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: str = "config") -> "CvaeConfig":
        try:
            return cls(**data)
        except TypeError as err:
            raise ManifestError(f"{where}: not a CVAE's settings ({err}). Train it again.") from err

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Cvae(nn.Module):
    """Encoder q(z | w, c), prior p(z | c) and decoder D(z, c): two-, two- and three-layer perceptrons."""

    anchors: Float[Tensor, "anchors condition"]
    """Unit rows; there only where the settings ask for them."""

    def __init__(self, config: CvaeConfig) -> None:
        super().__init__()
        self.config = c = config
        read = c.anchors or c.condition
        self.encoder = _perceptron(c.dim + read, c.hidden, 2 * c.latent, layers=2)
        self.decoder = _perceptron(c.latent + read, c.hidden, c.dim, layers=3)
        self.prior_net = _perceptron(read, c.hidden, 2 * c.latent, layers=2) if c.prior == "learned" else None
        if c.anchors:
            self.register_buffer("anchors", torch.zeros(c.anchors, c.condition))
        if c.residual:
            last = self.decoder[-1]
            assert isinstance(last, nn.Linear)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def read(self, c: Condition) -> Float[Tensor, "batch read"]:
        """The condition as the perceptrons take it."""
        if not self.config.anchors:
            return c
        return torch.softmax(c @ self.anchors.T / self.config.temperature, -1)

    def encode(self, w: Coefficients, c: Condition) -> tuple[Latent, Latent]:
        """Mean and log-variance of q(z | w, c)."""
        return _halves(self.encoder(torch.cat([w, self.read(c)], -1)))

    def prior(self, c: Condition) -> tuple[Latent, Latent]:
        """Mean and log-variance of p(z | c)."""
        if self.prior_net is not None:
            return _halves(self.prior_net(self.read(c)))
        zero = c.new_zeros(len(c), self.config.latent)
        return zero, zero

    def decode(self, z: Latent, c: Condition) -> Coefficients:
        """The expert that a draw and a condition stand for."""
        out = self.decoder(torch.cat([z, self.read(c)], -1))
        return out + c[:, : self.config.dim] if self.config.residual else out

    def losses(self, w: Coefficients, c: Condition, rng: torch.Generator, beta: float) -> dict[str, Float[Tensor, ""]]:
        """Reconstruction error, divergence, and their weighted sum `loss`."""
        mu, log_var = self.encode(w, c)
        z = mu + (0.5 * log_var).exp() * _normal(mu, rng)
        error = (w - self.decode(z, c)).square().mean()
        divergence = gaussian_kl(mu, log_var, *self.prior(c)).sum(-1).mean()
        return {"loss": error + beta * divergence, "error": error.detach(), "divergence": divergence.detach()}

    def sample(self, c: Condition, rng: torch.Generator) -> Coefficients:
        """One draw for each condition."""
        mu, log_var = self.prior(c)
        return self.decode(mu + (0.5 * log_var).exp() * _normal(mu, rng), c)

    def reconstruct(self, w: Coefficients, c: Condition) -> Coefficients:
        """Decoded posterior means."""
        return self.decode(self.encode(w, c)[0], c)


def gaussian_kl(mu: Latent, log_var: Latent, prior_mu: Latent, prior_log_var: Latent) -> Latent:
    """KL(N(mu, var) ‖ N(prior_mu, prior_var)) element by element."""
    gap = (mu - prior_mu).square()
    return 0.5 * (prior_log_var - log_var + (log_var.exp() + gap) / prior_log_var.exp() - 1.0)


def _perceptron(d_in: int, hidden: int, d_out: int, *, layers: int) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Linear(d_in, hidden), nn.ReLU()]
    for _ in range(layers - 2):
        parts += [nn.Linear(hidden, hidden), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(hidden, d_out))


def _halves(x: Float[Tensor, "batch twice"]) -> tuple[Latent, Latent]:
    mu, log_var = x.chunk(2, -1)
    return mu, log_var.clamp(-12.0, 4.0)


def _normal(like: Latent, rng: torch.Generator) -> Latent:
    # Drawn on the CPU, so that a seed gives the same numbers on every device.
    return torch.randn(like.shape, generator=rng).to(like)

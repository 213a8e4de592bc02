"""How the predictions of two models, with and without a prompt, become one: every guidance is a fixed sum of four.

With e_b0, e_bc what the base predicts for the empty prompt and for the prompt, and e_s0, e_sc what it predicts with
the subject's adapter, each published way is a set of four coefficients that sum to 1. The sum is as valid for a
predicted velocity as for predicted noise: at one step both are the same affine function of the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from genlora.errors import ConfigError

PARTS = ("base_empty", "base_prompt", "subject_empty", "subject_prompt")


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """Coefficients of the four predictions; they sum to 1."""

    base_empty: float = 0.0
    base_prompt: float = 0.0
    subject_empty: float = 0.0
    subject_prompt: float = 0.0

    def __post_init__(self) -> None:
        total = sum(self.coefficients.values())
        if not abs(total - 1) < 1e-6:
            raise ConfigError(f"coefficients of a guidance sum to {total:g}, expected 1: noise would grow or shrink")

    @property
    def coefficients(self) -> dict[str, float]:
        """{part: coefficient}, in the order of `PARTS`."""
        return {part: getattr(self, part) for part in PARTS}

    @property
    def needed(self) -> dict[str, float]:
        """The parts whose coefficient is not zero: what one step has to compute."""
        return {part: c for part, c in self.coefficients.items() if abs(c) > 1e-9}

    def before_subject(self) -> Self:
        """The same guidance where the subject's model is not used yet: its share goes to the base's."""
        return type(self)(
            base_empty=self.base_empty + self.subject_empty, base_prompt=self.base_prompt + self.subject_prompt
        )

    @classmethod
    def cfg(cls, text: float, subject: float = 0.0) -> Self:
        """Classifier-free guidance on the subject's model: e_s0 + w (e_sc - e_s0) (Ho and Salimans 2022)."""
        return cls(subject_empty=1 - text, subject_prompt=text)

    @classmethod
    def base_uncond(cls, text: float, subject: float = 0.0) -> Self:
        """The base's empty branch in place of the subject's: e_b0 + w (e_sc - e_b0) (arXiv 2503.20240)."""
        return cls(base_empty=1 - text, subject_prompt=text)

    @classmethod
    def steering(cls, text: float, subject: float = 0.5) -> Self:
        """Away from a weaker model: e_weak0 + w (e_sc - e_weak0) (arXiv 2508.00319).

        The weak model is the base and `subject` of the way to the subject's model. Outputs are averaged where the
        paper averages weights; at 0 both are the base.
        """
        return cls(base_empty=(1 - text) * (1 - subject), subject_empty=(1 - text) * subject, subject_prompt=text)

    @classmethod
    def autoguidance(cls, text: float, subject: float = 2.0) -> Self:
        """g_b + a (g_s - g_b) of two guided models g_m = e_m0 + w (e_mc - e_m0), with `subject` as a."""
        return cls(
            base_empty=(1 - subject) * (1 - text),
            base_prompt=(1 - subject) * text,
            subject_empty=subject * (1 - text),
            subject_prompt=subject * text,
        )

    @classmethod
    def hybrid(cls, text: float, subject: float = 3.0) -> Self:
        """The text's direction from the base, the subject's as the difference of the two models.

        e_b0 + w_t (e_bc - e_b0) + w_s (e_sc - e_bc): our reconstruction of hybrid-model guidance (arXiv 2511.03156),
        whose own equation we could not read. w_s = 0 is the base, w_s = w_t is `base_uncond`.
        """
        return cls(base_empty=1 - text, base_prompt=text - subject, subject_prompt=subject)


PRESETS: dict[str, Callable[..., Guidance]] = {
    "cfg": Guidance.cfg,
    "base_uncond": Guidance.base_uncond,
    "steering": Guidance.steering,
    "autoguidance": Guidance.autoguidance,
    "hybrid": Guidance.hybrid,
}
LARGEST = 50.0


def guidance(name: str, text: float = 3.0, subject: float | None = None) -> Guidance:
    """A preset by its name.

    Args:
        name: one of `PRESETS`.
        text: w or w_t, how much the prompt counts.
        subject: what the preset makes of it (w_s, a, or the weak model's share); None is the preset's own default,
            for `hybrid` the text's.

    Raises:
        ConfigError: for another name, or a number that is not finite or beyond 50.
    """
    if name not in PRESETS:
        raise ConfigError(f"no guidance {name!r}; choose from {', '.join(PRESETS)}")
    for what, value in (("text", text), ("subject", subject)):
        if value is not None and not abs(value) <= LARGEST:
            raise ConfigError(f"the guidance's {what} weight is {value}; expected a number from -50 to {LARGEST:g}")
    if subject is None and name == "hybrid":
        subject = text
    return PRESETS[name](text) if subject is None else PRESETS[name](text, subject)

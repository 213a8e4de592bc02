"""What an adapter is to be made from, checked and in normal form."""

from dataclasses import dataclass

from genlora.tasks import Example

from ._shelf import PREFIX


@dataclass(frozen=True)
class GenerateRequest:
    """Its digest names the adapter."""

    description: str | None
    examples: tuple[Example, ...]
    generator: str
    seed: int
    digest: str
    shots: tuple[tuple[str, str], ...] = ()
    """(input, answer) pairs that stand in its prompt."""
    min_accuracy: float | None = None
    """Below it nothing is kept; no part of the digest, for the adapter is the same."""

    @property
    def fitted(self) -> bool:
        """Whether an adapter is trained on its examples, for half a minute; the cvae draws for them at once."""
        return bool(self.examples) and self.generator != "cvae"

    @property
    def id(self) -> str:
        """The adapter's."""
        return PREFIX + self.digest[:16]

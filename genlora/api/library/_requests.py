"""What an adapter is to be made from, checked and in normal form."""

from collections.abc import Sequence
from dataclasses import dataclass

from genlora.descriptions import check_description
from genlora.errors import ConfigError
from genlora.files import canonical_json, sha256_bytes
from genlora.generators import GENERATORS
from genlora.tasks import Example
from genlora.train import LEAST
from genlora.versions import versions

from .._bundle import shots_of
from .._from_examples import examples_of
from .._genlora import GenLora
from .._inputs import inputs_of
from ._shelf import PREFIX

MAX_SEED = 2**63 - 1


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
    inputs: tuple[str, ...] = ()
    """What it will be asked, without answers."""
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


def checked_request(
    lora: GenLora,
    description: str | None,
    examples: tuple[Example, ...],
    generator: str | None,
    seed: int,
    shots: Sequence[tuple[str, str]],
    inputs: Sequence[str] | None,
    min_accuracy: float | None,
    *,
    reads_examples: bool,
) -> GenerateRequest:
    """Check a request and name it. Raises `DescriptionError`, `TaskError` or `ConfigError`.

    Four examples or more, with or without a description, are what an adapter is fitted to, which takes half a
    minute; fewer are shots beside a description, and what the cvae draws for without one. It draws for any number
    where it is asked for by name.
    """
    shots = shots_of(shots)
    if description is None and not examples:
        raise ConfigError("give a description, examples of the task, or both.")
    if generator is not None and generator not in GENERATORS:
        known = ", ".join(sorted(GENERATORS))
        raise ConfigError(f"no generator is called {generator[:40]!r}; choose one of {known}.")
    if not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"seed must be between 0 and {MAX_SEED}, got {str(seed)[:40]}. Choose another.")
    text = None if description is None else check_description(description)
    given, draw = examples_of(examples or None, generator, described=text is not None, alone=not shots)
    if given is not None and not draw and len(given.examples) < LEAST:
        shots, given, examples = shots_of([(e.input, e.output) for e in given.examples]), None, ()
    if draw and text is not None:
        raise ConfigError("the cvae draws for examples alone. Leave the description out, or the generator.")
    if given is not None and not reads_examples:
        raise ConfigError("this server does not read examples. Give a description.")
    unlabelled = inputs_of(inputs, described=text is not None, labelled=given is not None)
    kind = generator or ("cvae" if draw else "auto" if given is not None else lora.generator)
    content = {
        "description": text,
        "examples": None if given is None else given.sha256,
        "generator": kind,
        "seed": seed,
        "bank": lora.bank.revision,
        "versions": versions(),
        **({"shots": [list(shot) for shot in shots]} if shots else {}),
        **({"inputs": unlabelled.sha256} if unlabelled is not None else {}),
    }
    digest = sha256_bytes(canonical_json(content))
    return GenerateRequest(text, examples, kind, seed, digest, shots, tuple(inputs or ()), min_accuracy)

"""Every generator there is, by name: one literal table."""

from collections.abc import Callable
from dataclasses import dataclass

from genlora.errors import ConfigError, UnknownGeneratorError

from ._aggregate import AggregateGenerator
from ._artefact import Artefact
from ._auto import AutoGenerator
from ._coverage import Calibration
from ._cvae import CvaeGenerator
from ._hypernet import HypernetGenerator
from ._hypernet_bases import HypernetBasesGenerator, TokenReaderMaker
from ._multitask import DescribedMultitaskGenerator, FewshotGenerator, MultitaskGenerator
from ._protocol import AdapterGenerator, BankLike, TokenReader
from ._reading import Reader

Artefacts = Callable[[str], Artefact]
"""Finds the trained artefact of a kind. Raises `UnknownGeneratorError` when there is none."""


def no_artefacts(kind: str) -> Artefact:
    """The finder of somebody who has none."""
    raise UnknownGeneratorError(f"generator {kind!r} is trained, and no artefact of it is at hand.")


def no_tokens() -> TokenReader:
    """The reader of tokens of somebody who has none."""
    raise ConfigError("this generator reads descriptions token by token, and no task embedder that does is at hand.")


@dataclass(frozen=True)
class Parts:
    """What generators are made from."""

    library: BankLike
    calibration: Calibration
    artefacts: Artefacts = no_artefacts
    read: Reader | None = None
    """Asks the base, for those that want to."""
    tokens: TokenReaderMaker = no_tokens


def optional(find: Callable[[str], Artefact], kind: str) -> Artefact | None:
    """The artefact of `kind`, or None where there is none."""
    try:
        return find(kind)
    except UnknownGeneratorError:
        return None


GENERATORS: dict[str, Callable[[Parts], AdapterGenerator]] = {
    "aggregate": lambda p: AggregateGenerator(p.library, p.calibration),
    "multitask": lambda p: MultitaskGenerator(p.library, p.calibration, p.artefacts("multitask")),
    "multitask-described": lambda p: DescribedMultitaskGenerator(
        p.library, p.calibration, p.artefacts("multitask-described")
    ),
    "auto": lambda p: AutoGenerator(
        p.library, p.calibration, optional(p.artefacts, "auto"), optional(p.artefacts, "fewshot"), p.read
    ),
    "cvae": lambda p: CvaeGenerator(p.library, p.calibration, p.artefacts("cvae")),
    "fewshot": lambda p: FewshotGenerator(p.library, p.calibration, p.artefacts("fewshot")),
    "hypernet": lambda p: HypernetGenerator(p.library, p.calibration, p.artefacts("hypernet")),
    "hypernet-bases": lambda p: HypernetBasesGenerator(
        p.library, p.calibration, p.artefacts("hypernet-bases"), p.tokens
    ),
    "sg-lora": lambda p: CvaeGenerator(p.library, p.calibration, p.artefacts("sg-lora")),
}
"""Name to what makes the generator."""

DEFAULT_GENERATOR = AutoGenerator.kind


def generator_for(
    kind: str,
    library: BankLike,
    calibration: Calibration,
    artefacts: Artefacts = no_artefacts,
    read: Reader | None = None,
    tokens: TokenReaderMaker = no_tokens,
) -> AdapterGenerator:
    """The generator called `kind` on a bank; `read` asks the base, `tokens` gives the reader of token states, for those
    that want to.

    Raises `UnknownGeneratorError` with the choices.
    """
    if kind not in GENERATORS:
        raise UnknownGeneratorError(f"no generator {kind[:80]!r}; choose from {', '.join(sorted(GENERATORS))}.")
    return GENERATORS[kind](Parts(library, calibration, artefacts, read, tokens))

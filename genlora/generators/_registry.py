"""Every generator there is, by name: one literal table."""

from collections.abc import Callable

from genlora.errors import UnknownGeneratorError

from ._aggregate import AggregateGenerator
from ._artefact import Artefact
from ._auto import AutoGenerator, optional
from ._coverage import Calibration
from ._cvae import CvaeGenerator
from ._hypernet import HypernetGenerator
from ._multitask import DescribedMultitaskGenerator, FewshotGenerator, MultitaskGenerator
from ._protocol import AdapterGenerator, BankLike
from ._reading import Reader

Artefacts = Callable[[str], Artefact]
"""Finds the trained artefact of a kind. Raises `UnknownGeneratorError` when there is none."""

GENERATORS: dict[str, Callable[[BankLike, Calibration, Artefacts, Reader | None], AdapterGenerator]] = {
    "aggregate": lambda library, calibration, _find, _read: AggregateGenerator(library, calibration),
    "multitask": lambda library, calibration, find, _read: MultitaskGenerator(library, calibration, find("multitask")),
    "multitask-described": lambda library, calibration, find, _read: DescribedMultitaskGenerator(
        library, calibration, find("multitask-described")
    ),
    "auto": lambda library, calibration, find, read: AutoGenerator(
        library, calibration, optional(find, "auto"), optional(find, "fewshot"), read
    ),
    "cvae": lambda library, calibration, find, _read: CvaeGenerator(library, calibration, find("cvae")),
    "fewshot": lambda library, calibration, find, _read: FewshotGenerator(library, calibration, find("fewshot")),
    "hypernet": lambda library, calibration, find, _read: HypernetGenerator(library, calibration, find("hypernet")),
    "sg-lora": lambda library, calibration, find, _read: CvaeGenerator(library, calibration, find("sg-lora")),
}
"""Name to what makes the generator from a bank, its calibration, the trained artefacts and a reader at hand."""

DEFAULT_GENERATOR = AutoGenerator.kind


def no_artefacts(kind: str) -> Artefact:
    """The finder of somebody who has none."""
    raise UnknownGeneratorError(f"generator {kind!r} is trained, and no artefact of it is at hand.")


def generator_for(
    kind: str,
    library: BankLike,
    calibration: Calibration,
    artefacts: Artefacts = no_artefacts,
    read: Reader | None = None,
) -> AdapterGenerator:
    """The generator called `kind` on a bank; `read` asks the base, for those that want to.

    Raises `UnknownGeneratorError` with the choices.
    """
    if kind not in GENERATORS:
        raise UnknownGeneratorError(f"no generator {kind[:80]!r}; choose from {', '.join(sorted(GENERATORS))}.")
    return GENERATORS[kind](library, calibration, artefacts, read)

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

Artefacts = Callable[[str], Artefact]
"""Finds the trained artefact of a kind. Raises `UnknownGeneratorError` when there is none."""

GENERATORS: dict[str, Callable[[BankLike, Calibration, Artefacts], AdapterGenerator]] = {
    "aggregate": lambda library, calibration, _: AggregateGenerator(library, calibration),
    "multitask": lambda library, calibration, find: MultitaskGenerator(library, calibration, find("multitask")),
    "multitask-described": lambda library, calibration, find: DescribedMultitaskGenerator(
        library, calibration, find("multitask-described")
    ),
    "auto": lambda library, calibration, find: AutoGenerator(
        library, calibration, optional(find, "auto"), optional(find, "fewshot")
    ),
    "cvae": lambda library, calibration, find: CvaeGenerator(library, calibration, find("cvae")),
    "fewshot": lambda library, calibration, find: FewshotGenerator(library, calibration, find("fewshot")),
    "hypernet": lambda library, calibration, find: HypernetGenerator(library, calibration, find("hypernet")),
    "sg-lora": lambda library, calibration, find: CvaeGenerator(library, calibration, find("sg-lora")),
}
"""Name to what makes the generator from a bank, its calibration and the trained artefacts at hand."""

DEFAULT_GENERATOR = AutoGenerator.kind


def no_artefacts(kind: str) -> Artefact:
    """The finder of somebody who has none."""
    raise UnknownGeneratorError(f"generator {kind!r} is trained, and no artefact of it is at hand.")


def generator_for(
    kind: str, library: BankLike, calibration: Calibration, artefacts: Artefacts = no_artefacts
) -> AdapterGenerator:
    """The generator called `kind` on a bank. Raises `UnknownGeneratorError` with the choices."""
    if kind not in GENERATORS:
        raise UnknownGeneratorError(f"no generator {kind[:80]!r}; choose from {', '.join(sorted(GENERATORS))}.")
    return GENERATORS[kind](library, calibration, artefacts)

"""Every generator there is, by name."""

from collections.abc import Callable

from genlora.errors import UnknownGeneratorError

from ._aggregate import AggregateGenerator
from ._coverage import Calibration
from ._protocol import AdapterGenerator, Library

GENERATORS: dict[str, Callable[[Library, Calibration], AdapterGenerator]] = {
    AggregateGenerator.kind: AggregateGenerator
}
"""Name to what makes the generator from a bank and its calibration."""

DEFAULT_GENERATOR = AggregateGenerator.kind


def generator_for(kind: str, library: Library, calibration: Calibration) -> AdapterGenerator:
    """The generator called `kind` on a bank. Raises `UnknownGeneratorError` with the choices."""
    if kind not in GENERATORS:
        raise UnknownGeneratorError(f"no generator {kind[:80]!r}; choose from {', '.join(sorted(GENERATORS))}.")
    return GENERATORS[kind](library, calibration)

"""The unconditional generator: one adapter trained on all training tasks, whatever the description says.

It is what a hypernetwork starts from, and the baseline that a conditional generator has to beat.
"""

from typing import ClassVar

from genlora.adapter import AdapterState, LoraPair, resize
from genlora.errors import ManifestError

from ._artefact import Artefact, finite
from ._clock import Stopwatch, one_thread
from ._coverage import Calibration
from ._neighbourhood import Neighbourhood, coverage_warnings, neighbourhood
from ._protocol import BankLike, Generated, PromptMode, Request, Vector


def multitask_state(artefact: Artefact) -> AdapterState:
    """The one adapter an artefact holds, scale folded in. Raises `ManifestError` if tensors are missing or wrong."""
    tensors = finite(artefact.tensors, where=artefact.kind)
    scale = float(artefact.config["scale"])
    pairs = {}
    for leaf in artefact.config["targets"]:
        try:
            a, b = tensors[f"{leaf}.a"].float(), tensors[f"{leaf}.b"].float() * scale
        except KeyError as err:
            raise ManifestError(f"{artefact.kind}: tensor {err} is missing. Restore the artefact.") from err
        for i, m in enumerate(artefact.layout.of((leaf,))):
            pairs[m.path] = LoraPair(a[i].clone(), b[i].clone())
    return AdapterState(pairs)


class MultitaskGenerator:
    """The same adapter for every request; neighbours and coverage tell what the bank says all the same."""

    kind: str = "multitask"
    prompt: ClassVar[PromptMode] = "bare"

    @property
    def rank(self) -> int:
        """The rank that is written where the request names none: the library's."""
        return self.library.rank

    def __init__(self, library: BankLike, calibration: Calibration, artefact: Artefact) -> None:
        self.library = library
        self.calibration = calibration
        self.artefact = artefact.require(library.layout)
        self.state = multitask_state(artefact)
        self.halves = all(bool((x == x.half()).all()) for p in self.state.values() for x in (p.a, p.b))
        """Whether its factors are 16-bit numbers, so that an adapter need not be twice as large."""

    def generate(self, request: Request, vector: Vector, near: Neighbourhood | None = None) -> Generated:
        """The adapter; `vector` only finds neighbours and coverage."""
        watch = Stopwatch()
        near = near or neighbourhood(self.library, self.calibration, request, vector, watch)
        with watch("combine"), one_thread():
            adapter, discarded = at_rank(self.state, request.rank or self.rank)
        return Generated(
            adapter=adapter,
            neighbours=(),
            coverage=near.coverage,
            spread=near.spread,
            discarded=discarded,
            warnings=self.warnings(near),
            prompt=self.prompt,
            dtype="float16" if adapter is self.state and self.halves else "float32",
            made_by={"artefact": self.artefact.digest},
            licences=tuple(self.artefact.record.get("licences", ())),
            times_ms=watch.ms,
        )

    def warnings(self, near: Neighbourhood) -> tuple[str, ...]:
        """What the bank says against it."""
        return coverage_warnings(near.coverage, near.found[0].name)


class DescribedMultitaskGenerator(MultitaskGenerator):
    """The unconditional adapter that was trained with descriptions in its prompts; use it with described prompts."""

    kind: str = "multitask-described"
    prompt: ClassVar[PromptMode] = "described"


class FewshotGenerator(MultitaskGenerator):
    """The adapter that was trained to read a description, worked examples, or both, in its prompts.

    It is one adapter for all requests, so nothing is made: what it does follows from the prompt that comes with it.
    """

    kind: str = "fewshot"
    prompt: ClassVar[PromptMode] = "described"

    @property
    def rank(self) -> int:
        """Its own: cutting it to a bank's rank would cost what it was trained for."""
        return max(p.rank for p in self.state.values())

    def warnings(self, near: Neighbourhood) -> tuple[str, ...]:
        """None: what the bank holds has no part in it."""
        return ()


def at_rank(state: AdapterState, rank: int) -> tuple[AdapterState, float]:
    """`state` at `rank`, and the share of its energy that was lost."""
    if all(p.rank == rank for p in state.values()):
        return state, 0.0
    return resize(state, rank)

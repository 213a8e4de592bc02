"""What a generator is: a request and an embedding in, an adapter with its neighbours and its coverage out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import MAX_RANK, AdapterState, BaseLayout
from genlora.descriptions import check_description
from genlora.errors import ConfigError

from ._expected import ExpectedAccuracy

Vector = NDArray[np.float32]
"""A unit task embedding, (384,) for the default embedder."""

MAX_TOP_K = 64
MAX_SHOWN = 16
"""Worked examples in a prompt; more are better trained on."""

LOW = 0.1
"""Below this coverage the service warns: four in five of the bank's own tasks, left out, have more support."""
HIGH = 0.5
"""From this coverage on the request has the support of a task that the bank holds."""

PromptMode = Literal["bare", "described"]
"""What the adapter will be asked with: the input alone, or the description, a newline and the input."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a generator. Checked, and the description normalised, on construction."""

    description: str | None
    """What the task is, in words; None where examples alone say it, or where nobody did."""
    top_k: int = 4
    """How many neighbours shape the adapter (SG-LoRA's K)."""
    temperature: float = 0.1
    """Softmax temperature over cosine similarities: small follows the nearest expert, large averages."""
    rank: int | None = None
    """Rank of the adapter; None takes the bank's."""
    seed: int = 0
    """For generators that draw; `aggregate` does not, and records it only."""
    exclude: frozenset[str] = frozenset()
    """Experts that must not be used: the task itself, in a leave-one-out evaluation."""
    prompt: PromptMode | None = None
    """What the adapter will be asked with; None lets the generator choose, bare keeps `auto` to the bank's experts."""
    quick: bool = False
    """Without the same-task test: milliseconds, no base, and a nearest expert that may be a sibling's."""
    shots: tuple[tuple[str, str], ...] = ()
    """(input, answer) pairs that will stand in the prompt before the input."""
    inputs: Vector | None = field(default=None, compare=False)
    """Of inputs that the adapter will be asked, without answers: the unit mean of their embeddings, (dim,)."""

    @property
    def shown(self) -> int:
        """How many worked examples will stand in the prompt before the input."""
        return len(self.shots)

    def __post_init__(self) -> None:
        if self.description is not None:
            object.__setattr__(self, "description", check_description(self.description))
        _in_range("top-k", self.top_k, 1, MAX_TOP_K)
        if not 0.001 <= self.temperature <= 100:  # also refuses NaN
            raise ConfigError(
                f"temperature must be in [0.001, 100], got {self.temperature!r}. The usual choice is 0.1."
            )
        if self.rank is not None:
            _in_range("rank", self.rank, 1, MAX_RANK)
        _in_range("seed", self.seed, 0, 2**63 - 1)
        if self.prompt is not None and self.prompt not in get_args(PromptMode):
            raise ConfigError(
                f"prompt must be bare or described, got {str(self.prompt)[:40]!r}. Leave it out to let the generator "
                "choose."
            )
        _in_range("shown", self.shown, 0, MAX_SHOWN)


def _in_range(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} must be in [{low}, {high}], got {value!r}. Choose a whole number in that range.")


@dataclass(frozen=True)
class Contribution:
    """One bank expert that shaped an adapter."""

    name: str
    similarity: float
    """Cosine similarity of its task to the request, rounded to six places: weights are computed from this number."""
    weight: float
    """Its share of the sum; weights are positive and sum to 1."""
    blob: str
    """SHA-256 of its stored weights."""
    licence: str


@dataclass(frozen=True)
class Coverage:
    """How well the bank supports one request."""

    value: float
    """0 to 1, see the module's text."""
    support: float
    """Similarity of the nearest expert times agreement of the neighbourhood."""
    calibrated: bool
    """False where the bank was too small, and default curves were used."""

    @property
    def level(self) -> Literal["low", "medium", "high"]:
        return "low" if self.value < LOW else "medium" if self.value < HIGH else "high"


@dataclass(frozen=True)
class Generated:
    """What a generator returns."""

    adapter: AdapterState
    neighbours: tuple[Contribution, ...]
    """Bank experts that shaped the result, nearest first."""
    coverage: Coverage
    """How well the bank supports the request."""
    spread: float
    """Disagreement of the mixture: the share of the neighbours' mean energy that lies between them (0 to 1)."""
    discarded: float
    """Share of the exact sum's energy lost by compressing it to the rank."""
    warnings: tuple[str, ...]
    expected: ExpectedAccuracy | None = None
    """How often it is expected to be right; None where nothing was measured."""
    advice: Mapping[str, ExpectedAccuracy] = field(default_factory=dict)
    """What would help, and what could be expected then: 'one example', 'three examples'."""
    prompt: PromptMode = "bare"
    """What it has to be asked with to be that good."""
    dtype: Literal["float32", "float16"] = "float32"
    """The shortest number format that holds its factors as they are."""
    made_by: Mapping[str, Any] = field(default_factory=dict)
    """What a trained generator adds to the receipt: digest of its artefact, what was chosen and why; plain JSON."""
    licences: tuple[str, ...] = ()
    """Licences of the tasks a trained generator learned from."""
    times_ms: Mapping[str, float] = field(default_factory=dict, compare=False)
    """Milliseconds per stage. For `--json` and the log, never for the receipt."""


class NeighbourLike(Protocol):
    """A search result."""

    @property
    def name(self) -> str: ...
    @property
    def similarity(self) -> float: ...


class RecordLike(Protocol):
    """What a generator reads of an expert's record."""

    @property
    def name(self) -> str: ...
    @property
    def parent(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def blob(self) -> str: ...
    @property
    def embeddings(self) -> Any: ...
    @property
    def descriptions(self) -> Sequence[str]: ...


class BankLike(Protocol):
    """What a generator needs of a bank: search, records and weights."""

    @property
    def layout(self) -> BaseLayout: ...
    @property
    def rank(self) -> int: ...
    @property
    def generation(self) -> int: ...
    def __len__(self) -> int: ...
    def names(self) -> Sequence[str]: ...
    def get(self, name: str) -> RecordLike: ...
    def state(self, name: str) -> AdapterState: ...
    def search(self, vector: Vector, k: int) -> Sequence[NeighbourLike]: ...


class TokenReader(Protocol):
    """What reads a description token by token: the task embedder, before it takes the mean."""

    @property
    def id(self) -> str: ...
    def token_states(self, text: str) -> NDArray[np.float32]:
        """Last hidden states, (tokens, width); the same text gives the same bytes."""
        ...


class AdapterGenerator(Protocol):
    """Maps a request and its task embedding to an adapter. Equal requests give equal adapters, bit for bit."""

    @property
    def kind(self) -> str:
        """Its name in `GENERATORS` and in receipts."""
        ...

    def generate(self, request: Request, vector: Vector) -> Generated: ...

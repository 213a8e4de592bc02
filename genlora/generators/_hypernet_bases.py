"""The hypernetwork over shared bases as a generator: reads the description token by token, without the base."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from genlora.adapter import AdapterState
from genlora.errors import BaseMismatchError, ConfigError, ManifestError

from ._artefact import Artefact, finite
from ._clock import Stopwatch, one_thread
from ._coverage import Calibration
from ._hypernet import check_finite
from ._multitask import at_rank
from ._neighbourhood import Neighbourhood, neighbourhood
from ._protocol import BankLike, Generated, Request, TokenReader, Vector
from .networks._bases import BasesConfig, BasesNetwork, TokenStates
from .networks._hypernet import to_state

TokenReaderMaker = Callable[[], TokenReader]
"""Gives the reader of tokens once it is needed: it may have to be fetched."""


def bases_network(artefact: Artefact) -> BasesNetwork:
    """The network an artefact holds, in float32 and ready for use. Raises `ManifestError` if its tensors do not fit."""
    config = BasesConfig.from_json(artefact.config["network"], where=artefact.kind)
    weights = {k: v.float() for k, v in artefact.tensors.items()}
    network = BasesNetwork(config, _start(weights, artefact))
    try:
        network.load_state_dict(weights)
    except RuntimeError as err:
        raise ManifestError(f"{artefact.kind}: weights do not fit the settings ({err}). Restore the artefact.") from err
    return network.eval().requires_grad_(False)


def _start(weights: Mapping[str, Tensor], artefact: Artefact) -> dict[str, Tensor]:
    try:
        return {
            f"{leaf}.{side}": weights[f"start_{leaf}_{side}"] for leaf in artefact.config["targets"] for side in "ab"
        }
    except KeyError as err:
        raise ManifestError(f"{artefact.kind}: tensor {err} is missing. Restore the artefact.") from err


class HypernetBasesGenerator:
    """`A0 + Σ a_n A_n`, `B0 + Σ b_n B_n` with coefficients of the description, for prompts that hold it as well."""

    kind: str = "hypernet-bases"

    def __init__(
        self, library: BankLike, calibration: Calibration, artefact: Artefact, tokens: TokenReaderMaker
    ) -> None:
        self.library = library
        self.calibration = calibration
        self.artefact = artefact.require(library.layout)
        finite(artefact.tensors, where=self.kind)
        self.network = bases_network(artefact)
        if "base" in self.network.readers:
            raise ConfigError(
                f"{self.kind}: this one reads descriptions through the base, which generating does not load. Train it "
                "with --reader embedder; the other readers are for measuring."
            )
        self._tokens = tokens

    @property
    def rank(self) -> int:
        """Of what it writes where the request names no rank."""
        return self.network.rank

    def generate(self, request: Request, vector: Vector, near: Neighbourhood | None = None) -> Generated:
        """The adapter for `request`; `vector` only finds neighbours and coverage.

        Raises `ConfigError` for a request of examples alone, `BaseMismatchError` where the description would be read by
        another embedder than it was trained with.
        """
        if request.description is None:
            raise ConfigError(
                f"{self.kind} reads descriptions, and this request has examples alone. Add a description."
            )
        watch = Stopwatch()
        near = near or neighbourhood(self.library, self.calibration, request, vector, watch)
        with watch("network"), one_thread():
            state = self.state(request.description)
        with watch("check"):
            check_finite(state)
        with watch("rank"), one_thread():
            adapter, discarded = at_rank(state, request.rank or self.rank)
        return Generated(
            adapter=adapter,
            neighbours=(),
            coverage=near.coverage,
            spread=near.spread,
            discarded=round(discarded, 6),
            warnings=(),  # what the bank holds has no part in it
            prompt=request.prompt or "described",
            made_by={"artefact": self.artefact.digest},
            licences=tuple(self.artefact.record.get("licences", ())),
            times_ms=watch.ms,
        )

    def state(self, description: str) -> AdapterState:
        """The adapter of a description, float32, scale folded into B."""
        reader = self._tokens()
        if reader.id != self.artefact.embedder:
            raise BaseMismatchError(
                f"{self.kind} reads token states of embedder {self.artefact.embedder[:12]}, this one is "
                f"{reader.id[:12]}. Use the embedder it was trained with."
            )
        states = torch.from_numpy(reader.token_states(description))[None]
        read = TokenStates(states, torch.ones(states.shape[:2], dtype=torch.bool))
        with torch.inference_mode():
            factors = self.network({"embedder": read})
            return to_state(factors, self.artefact.layout, 0, self.network.config.scale)

"""The text hypernetwork as a generator: one forward pass from an embedding (and neighbours' codes) to an adapter."""

import numpy as np
import torch
from numpy.typing import NDArray

from genlora.adapter import AdapterState
from genlora.errors import AdapterFormatError, BaseMismatchError, ManifestError

from ._artefact import Artefact, finite
from ._clock import Stopwatch, one_thread
from ._codes import CODE_EXTRA, NEIGHBOURS, Codes, neighbour_code
from ._coverage import Calibration
from ._multitask import at_rank
from ._neighbourhood import Neighbourhood, coverage_warnings, neighbourhood
from ._protocol import BankLike, Contribution, Generated, Request, Vector
from .networks._hypernet import HyperNetwork, NetworkConfig, to_state

CODE_PREFIX = "code."


def network_of(artefact: Artefact) -> HyperNetwork:
    """The network an artefact holds, in float32 and ready for use."""
    config = NetworkConfig.from_json(artefact.config["network"], where=artefact.kind)
    weights = {k: v.float() for k, v in artefact.tensors.items() if not k.startswith(CODE_PREFIX)}
    start = {}
    for leaf in artefact.config["targets"]:
        try:
            start |= {f"{leaf}.a": weights[f"start_{leaf}_a"], f"{leaf}.b": weights[f"start_{leaf}_b"]}
        except KeyError as err:
            raise ManifestError(f"{artefact.kind}: tensor {err} is missing. Restore the artefact.") from err
    network = HyperNetwork(config, start)
    try:
        network.load_state_dict(weights)
    except RuntimeError as err:
        raise ManifestError(f"{artefact.kind}: weights do not fit the settings ({err}). Restore the artefact.") from err
    return network.eval().requires_grad_(False)


class HypernetGenerator:
    """`A0 + dA(description)`, `B0 + dB(description)`: an adapter in one forward pass, without the base."""

    kind: str = "hypernet"

    def __init__(self, library: BankLike, calibration: Calibration, artefact: Artefact) -> None:
        self.library = library
        self.calibration = calibration
        self.artefact = artefact.require(library.layout)
        finite(artefact.tensors, where=self.kind)
        self.network = network_of(artefact)
        prefix = len(CODE_PREFIX)
        self.codes: Codes = {
            k[prefix:]: v.float().numpy() for k, v in artefact.tensors.items() if k.startswith(CODE_PREFIX)
        }

    def generate(self, request: Request, vector: Vector, near: Neighbourhood | None = None) -> Generated:
        """The adapter for `request`. Raises `BaseMismatchError` for a vector of another embedder's size."""
        watch = Stopwatch()
        near = near or neighbourhood(self.library, self.calibration, request, vector, watch)
        with watch("network"), one_thread():
            state = self.state(vector, [(n.name, s) for n, s in zip(near.found, near.similarities, strict=True)])
        with watch("check"):
            check_finite(state)
        with watch("rank"), one_thread():
            adapter, discarded = at_rank(state, request.rank or self.library.rank)
        return Generated(
            adapter=adapter,
            neighbours=self._used(near.contributions[: near.used]),
            coverage=near.coverage,
            spread=near.spread,
            discarded=round(discarded, 6),
            warnings=coverage_warnings(near.coverage, near.found[0].name),
            made_by={"artefact": self.artefact.digest},
            licences=tuple(self.artefact.record.get("licences", ())),
            times_ms=watch.ms,
        )

    def state(self, vector: Vector, found: list[tuple[str, float]]) -> AdapterState:
        """The adapter of a unit vector and of neighbours (name, similarity), nearest first."""
        c = self.network.config
        if vector.shape != (c.text_dim,):
            raise BaseMismatchError(
                f"the task vector has shape {vector.shape}, the hypernetwork reads ({c.text_dim},). "
                "Use the embedder it was trained with."
            )
        row: NDArray[np.float32] = vector
        if c.code_dim:
            row = np.concatenate([vector, neighbour_code(found[:NEIGHBOURS], self.codes, c.code_dim - CODE_EXTRA)])
        with torch.inference_mode():
            factors = self.network(torch.from_numpy(np.ascontiguousarray(row, dtype=np.float32))[None])
            return to_state(factors, self.artefact.layout, 0, c.scale)

    def _used(self, contributions: tuple[Contribution, ...]) -> tuple[Contribution, ...]:
        """Neighbours shape the result only where the network reads their codes."""
        return contributions if self.network.config.code_dim else ()


def check_finite(state: AdapterState) -> None:
    """Refuse generated factors that hold infinities or NaN: `AdapterFormatError`."""
    for path, pair in state.items():
        if not bool(torch.isfinite(pair.a).all() & torch.isfinite(pair.b).all()):
            raise AdapterFormatError(f"{path}: the generated factors are not finite. Train the generator again.")

"""The generator that draws: an expert's coefficients from a CVAE, decoded through the bank's joint basis."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genlora.adapter import AdapterState, update_norms
from genlora.errors import AdapterFormatError, BaseMismatchError, ConfigError, ManifestError

from ._artefact import Artefact, finite
from ._basis import JointBasis
from ._clock import Stopwatch, one_thread
from ._coverage import Calibration, products, softmax, spread_of, support_of
from ._neighbourhood import PLACES, Neighbourhood, coverage_warnings, neighbourhood
from ._protocol import BankLike, Contribution, Generated, Request, Vector
from .networks._cvae import Cvae, CvaeConfig

TEXT, EXAMPLES = "text", "examples"
"""The two kinds of condition: a description's embedding, or the task vector of a few examples."""


def aggregate_condition(weights: Sequence[float], rows: Tensor, noise: Tensor) -> Tensor:
    """SG-LoRA's condition, (2 dim,): mean and standard deviation of the weighted mixture of experts.

    `rows`: (K, dim) coefficients, `noise`: (dim,) deviation within an expert.
    var* = Σ aₖ σ² + Σ aₖ (μₖ - μ*)².
    """
    a = torch.tensor(weights, dtype=torch.float32)[:, None]
    mean = (a * rows).sum(0)
    variance = noise.square() + (a * (rows - mean).square()).sum(0)
    return torch.cat([mean, variance.sqrt()])


class CvaeGenerator:
    """A draw from p(w | c): the same seed gives the same bytes. The base is not needed.

    An artefact of kind cvae draws from a standard normal prior (ICM-LoRA), one of kind sg-lora from a learned one that
    reads the neighbours' weighted mean and spread as well (SG-LoRA).
    """

    def __init__(self, library: BankLike, calibration: Calibration, artefact: Artefact) -> None:
        self.library = library
        self.calibration = calibration
        self.artefact = artefact.require(library.layout)
        self.kind = artefact.kind
        t, c = finite(artefact.tensors, where=self.kind), artefact.config
        try:
            self.basis = JointBasis.read(t, c["basis"], where=self.kind)
            self.names = tuple(map(str, c["experts"]))
            self.row = {name: i for i, name in enumerate(self.names)}
            self.scale = float(c["unit"])
            self.coefficients = self.basis.library
            self.noise = t["noise"].float()
            self.networks = {kind: _network(t, kind, settings) for kind, settings in c["networks"].items()}
            self.with_text = bool(c["text_in_condition"])
            self.bound = float(c["largest_norm"])
            self.vectors = t["task_vectors"].float().numpy() if EXAMPLES in self.networks else None
            self.examples_curve = (
                Calibration.from_json(artefact.statistics["examples"], where=self.kind)
                if EXAMPLES in self.networks
                else None
            )
        except (KeyError, TypeError, ValueError) as err:
            raise ManifestError(
                f"{self.kind}: its artefact is malformed ({err!r}). Restore it, or train again."
            ) from err

    def generate(self, request: Request, vector: Vector, near: Neighbourhood | None = None) -> Generated:
        """The adapter for a description with the unit embedding `vector`, drawn with `request.seed`."""
        watch = Stopwatch()
        near = near or neighbourhood(self.library, self.calibration, request, vector, watch)
        with watch("network"), one_thread():
            condition = self._text_condition(vector, near)
            state, discarded = self._draw(TEXT, condition, request)
        return Generated(
            adapter=state,
            neighbours=near.contributions[: near.used],
            coverage=near.coverage,
            spread=near.spread,
            discarded=round(discarded, PLACES),
            warnings=coverage_warnings(near.coverage, near.found[0].name),
            made_by={"artefact": self.artefact.digest, "prior": self.networks[TEXT].config.prior, "condition": TEXT},
            licences=tuple(self.artefact.record.get("licences", ())),
            times_ms=watch.ms,
        )

    def generate_from_examples(self, request: Request, vector: Vector) -> Generated:
        """The adapter for a task vector (see `task_vectors`); neighbours are the tasks nearest to it.

        Raises `ConfigError` if the artefact was trained without task vectors.
        """
        if self.vectors is None or self.examples_curve is None:
            raise ConfigError(
                "this cvae was trained without task vectors, so it cannot start from examples. Train one that can: "
                "genlora train cvae --examples, or give a description."
            )
        watch = Stopwatch()
        with watch("search"):
            row = self._standard(vector)
            names, similarities = self._nearest_tasks(row, request)
        with watch("coverage"), one_thread():
            states = [self.library.state(n) for n in names]
            used = min(request.top_k, len(names))
            weights = softmax(similarities[:used], request.temperature)
            gram = products(states).gram
            coverage = self.examples_curve.coverage(support_of(similarities, gram))
            spread = round(spread_of(weights, gram[:used, :used]), PLACES)
        with watch("network"), one_thread():
            state, discarded = self._draw(EXAMPLES, torch.from_numpy(row)[None], request)
        return Generated(
            adapter=state,
            neighbours=tuple(self._contribution(*x) for x in zip(names, similarities, weights, strict=False)),
            coverage=coverage,
            spread=spread,
            discarded=round(discarded, PLACES),
            warnings=coverage_warnings(coverage, names[0]),
            made_by={"artefact": self.artefact.digest, "prior": "standard", "condition": EXAMPLES},
            licences=tuple(self.artefact.record.get("licences", ())),
            times_ms=watch.ms,
        )

    def reconstruct(self, name: str, vector: Vector) -> AdapterState:
        """The expert `name` through encoder and decoder, under the condition of `vector`, for evaluation."""
        network = self.networks[TEXT]
        w = self.coefficients[self.row[name]][None] / self.scale
        with torch.inference_mode(), one_thread():
            condition = self._text_condition(vector, None, leave_out=name)
            return self._state(network.reconstruct(w, condition)[0], self.library.rank)[0]

    def _draw(self, kind: str, condition: Tensor, request: Request) -> tuple[AdapterState, float]:
        network = self.networks[kind]
        if condition.shape[1] != network.config.condition:
            raise BaseMismatchError(
                f"the condition has {condition.shape[1]} numbers, the cvae reads {network.config.condition}. "
                "Use the embedder and base it was trained with."
            )
        with torch.inference_mode():
            w = network.sample(condition, torch.Generator().manual_seed(request.seed))[0]
            return self._state(w, request.rank or self.library.rank)

    def _state(self, w: Tensor, rank: int) -> tuple[AdapterState, float]:
        state, discarded = self.basis.state(w * self.scale, rank)
        norm = sum(n * n for n in update_norms(state).values()) ** 0.5
        if not norm <= self.bound * 1.5:  # also true of NaN
            raise AdapterFormatError(
                f"the drawn update has norm {norm:.4g} (Frobenius), expected a finite number of at most "
                f"{1.5 * self.bound:.4g}, half more than the longest expert. Try another seed, or train the cvae again."
            )
        return state, discarded

    def _text_condition(self, vector: Vector, near: Neighbourhood | None, leave_out: str | None = None) -> Tensor:
        text = torch.from_numpy(np.array(vector, np.float32))
        if self.networks[TEXT].config.prior == "standard":
            return text[None]
        if near is None:
            found = [(n.name, n.similarity) for n in self.library.search(vector, 5) if n.name != leave_out][:4]
            names, similarities = [n for n, _ in found], [s for _, s in found]
            weights: Sequence[float] = softmax(similarities, 0.1)
        else:
            names, weights = [n.name for n in near.found[: near.used]], near.weights
        rows = torch.stack([self._coefficients_of(n) for n in names])
        condition = aggregate_condition(weights, rows / self.scale, self.noise)
        return torch.cat([condition, text] if self.with_text else [condition])[None]

    def _coefficients_of(self, name: str) -> Tensor:
        """An expert's coefficients; one that was added to the bank after training is projected."""
        at = self.row.get(name)
        return self.basis.coefficients(self.library.state(name)) if at is None else self.coefficients[at]

    def _standard(self, vector: Vector) -> NDArray[np.float32]:
        t = self.artefact.tensors
        mean, deviation = t["task_vector.mean"].float().numpy(), t["task_vector.std"].float().numpy()
        if vector.shape != mean.shape:
            raise BaseMismatchError(
                f"the task vector has shape {vector.shape}, the cvae reads {mean.shape}. Compute it on its own base."
            )
        return standardised(vector, mean, deviation)

    def _nearest_tasks(self, row: NDArray[np.float32], request: Request) -> tuple[list[str], list[float]]:
        assert self.vectors is not None
        present = set(self.library.names()) - request.exclude
        scored = [
            (round(float(v @ row), PLACES), name)
            for name, v in zip(self.names, self.vectors, strict=True)
            if name in present
        ]
        if not scored:
            raise ConfigError("none of the experts this cvae was trained on is in the bank. Train it on this bank.")
        best = sorted(scored, key=lambda x: (-x[0], x[1]))[: max(request.top_k, 4)]
        return [n for _, n in best], [s for s, _ in best]

    def _contribution(self, name: str, similarity: float, weight: float) -> Contribution:
        record = self.library.get(name)
        return Contribution(name, similarity, weight, record.blob, record.licence)


def standardised(
    vector: NDArray[np.float32], mean: NDArray[np.float32], deviation: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A task vector in units of the library's spread, at unit length."""
    out = (vector.astype(np.float64) - mean) / np.maximum(deviation, 1e-6)
    return (out / max(float(np.linalg.norm(out)), 1e-12)).astype(np.float32)


def _network(tensors: Mapping[str, Tensor], kind: str, settings: Mapping[str, object]) -> Cvae:
    network = Cvae(CvaeConfig.from_json(settings, where=f"cvae {kind}"))
    prefix = f"{kind}."
    try:
        network.load_state_dict({k[len(prefix) :]: v.float() for k, v in tensors.items() if k.startswith(prefix)})
    except RuntimeError as err:
        raise ManifestError(f"cvae: weights do not fit the settings ({err}). Restore the artefact.") from err
    return network.eval().requires_grad_(False)

"""The gate's weights: small networks that weigh the task embedder's vector against the words found, and words alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from genlora.errors import ManifestError

from ._evidence import FEATURES

FORMAT = "genlora-policy-1"
SCALE = 6.0
"""A unit vector's entries times this are about as large as the word features."""

Rows = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """One hidden layer of rectified units: probabilities of all classes."""

    first: NDArray[np.float32]
    """(inputs, hidden)."""
    first_bias: NDArray[np.float32]
    second: NDArray[np.float32]
    """(hidden, classes)."""
    second_bias: NDArray[np.float32]

    def __call__(self, rows: Rows) -> Rows:
        """(n, inputs) to (n, classes)."""
        hidden = np.maximum(rows @ self.first.astype(np.float64) + self.first_bias, 0.0)
        logits = hidden @ self.second.astype(np.float64) + self.second_bias
        p = np.exp(logits - logits.max(1, keepdims=True))
        return p / p.sum(1, keepdims=True)


@dataclass(frozen=True, eq=False)
class WordWeights:
    """log-odds of harm = bias + weights · features, for texts whose vector is of another embedder or not known."""

    bias: float
    weights: tuple[float, ...]

    def __call__(self, features: Rows) -> NDArray[np.float64]:
        """(n, features) to probabilities of harm, (n,)."""
        return 1.0 / (1.0 + np.exp(-(features @ np.array(self.weights) + self.bias)))


@dataclass(frozen=True, eq=False)
class Classifier:
    """Everything that was fitted on the development set."""

    embedder: str
    """Id of the embedder whose vectors the networks read."""
    classes: tuple[str, ...]
    """`benign` first, then the categories."""
    networks: tuple[Network, ...]
    """Their probabilities are averaged."""
    words: WordWeights
    threshold: float
    """Probability of harm from which on a description is stopped."""
    words_threshold: float
    """The same where words alone decide."""

    def harm(self, features: Rows, vector: NDArray[np.float32]) -> Rows:
        """Probabilities of all classes for each sentence, (n, classes); `vector` is the whole description's."""
        wide = np.tile(np.asarray(vector, np.float64) * SCALE, (len(features), 1))
        rows = np.concatenate([wide, features], 1)
        return np.mean([network(rows) for network in self.networks], axis=0)

    def manifest(self) -> dict[str, Any]:
        """All but the networks' numbers."""
        return {
            "format": FORMAT,
            "embedder": self.embedder,
            "classes": list(self.classes),
            "networks": len(self.networks),
            "threshold": self.threshold,
            "words_threshold": self.words_threshold,
            "words": {
                "bias": round(self.words.bias, 4),
                "weights": {name: round(w, 4) for name, w in zip(FEATURES, self.words.weights, strict=True)},
            },
        }

    def tensors(self) -> bytes:
        """The networks as safetensors, half precision."""
        out = {}
        for i, network in enumerate(self.networks):
            for name in ("first", "first_bias", "second", "second_bias"):
                out[f"{i}.{name}"] = np.ascontiguousarray(getattr(network, name), np.float16)
        return save(out)

    @classmethod
    def read(cls, manifest: Mapping[str, Any], tensors: bytes, *, where: str) -> Self:
        """Raises `ManifestError` for anything that `manifest` and `tensors` would not write."""
        try:
            if manifest["format"] != FORMAT:
                raise ValueError(f"format is {str(manifest['format'])[:40]!r}, expected {FORMAT!r}")
            classes = tuple(map(str, manifest["classes"]))
            told = manifest["words"]["weights"]
            if set(told) != set(FEATURES):
                raise ValueError(f"weights of {sorted(told)}, expected {list(FEATURES)}")
            words = WordWeights(float(manifest["words"]["bias"]), tuple(float(told[name]) for name in FEATURES))
            arrays = load(tensors)
            networks = tuple(_network(arrays, i, len(classes)) for i in range(int(manifest["networks"])))
            return cls(
                str(manifest["embedder"]),
                classes,
                networks,
                words,
                float(manifest["threshold"]),
                float(manifest["words_threshold"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, SafetensorError) as err:
            raise ManifestError(f"{where}: not the weights of a policy gate ({err}). Restore the file.") from err


def _network(arrays: Mapping[str, NDArray[Any]], i: int, classes: int) -> Network:
    parts: Sequence[NDArray[Any]] = [
        arrays[f"{i}.{name}"].astype(np.float32) for name in ("first", "first_bias", "second", "second_bias")
    ]
    network = Network(*parts)
    hidden = len(network.first_bias)
    wanted = (hidden,), (hidden, classes), (classes,)
    found = network.first_bias.shape, network.second.shape, network.second_bias.shape
    if found != wanted or network.first.ndim != 2 or network.first.shape[1] != hidden:
        raise ValueError(f"network {i} has shapes {network.first.shape}, {found}; expected {wanted} after the first")
    if not all(np.isfinite(p).all() for p in parts):
        raise ValueError(f"network {i} holds numbers that are not finite")
    return network

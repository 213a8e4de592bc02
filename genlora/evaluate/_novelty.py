"""How new an adapter is: the cosine of its update to the nearest expert's, in product space."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genlora.adapter import AdapterState

REPLICA = 0.95
"""From this cosine on an adapter counts as a copy of an expert."""


@dataclass(frozen=True)
class Nearest:
    """The bank expert whose update is most like an adapter's."""

    name: str
    cosine: float
    """<dW, dW_e> / (|dW| |dW_e|), over all modules together."""


class Novelty:
    """Compares adapters with all experts at once; experts' factors are stacked per module, in float32."""

    def __init__(self, experts: Mapping[str, AdapterState]) -> None:
        self.names = list(experts)
        states = [s.folded() for s in experts.values()]
        self._a: dict[str, Tensor] = {}
        self._b: dict[str, Tensor] = {}
        for path in dict.fromkeys(p for s in states for p in s):
            have = [s[path] for s in states if path in s]
            if len(have) == len(states) and len({p.rank for p in have}) == 1:
                self._a[path] = torch.stack([p.a for p in have])
                self._b[path] = torch.stack([p.b for p in have])
        self._norms = np.array([_norm(s) for s in states])

    def cosines(self, state: AdapterState) -> np.ndarray:
        """The cosine to every expert, (E,); 0 for a zero update."""
        inner = np.zeros(len(self.names))
        for path, pair in state.folded().items():
            if path in self._a:
                # <B_e A_e, B A> = tr(A^T B^T B_e A_e) = sum((A_e A^T) * (B_e^T B))
                left = self._a[path] @ pair.a.T
                right = self._b[path].mT @ pair.b
                inner += (left * right).sum((1, 2)).double().numpy()
        norm = self._norms * _norm(state)
        return np.divide(inner, norm, out=np.zeros_like(inner), where=norm > 0)

    def nearest(self, state: AdapterState) -> Nearest:
        """The expert with the largest cosine."""
        found = self.cosines(state)
        best = int(found.argmax())
        return Nearest(self.names[best], round(float(found[best]), 6))

    def among_experts(self, experts: Mapping[str, AdapterState]) -> list[float]:
        """For each expert, the cosine to the nearest other one: what adapters of different tasks look like."""
        out = []
        for i, name in enumerate(self.names):
            found = self.cosines(experts[name])
            out.append(float(np.delete(found, i).max()) if len(found) > 1 else 0.0)
        return out


def _norm(state: AdapterState) -> float:
    total = 0.0
    for pair in state.folded().values():
        total += float(((pair.a @ pair.a.T) * (pair.b.T @ pair.b)).sum().double())
    return max(total, 0.0) ** 0.5

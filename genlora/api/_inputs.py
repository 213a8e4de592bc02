"""Inputs without answers beside a description: they help to choose the expert, whose inputs should be alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genlora.errors import ConfigError, TaskError
from genlora.files import canonical_json, sha256_bytes, sha256_file
from genlora.tasks import read_inputs

LEAST_INPUTS = 4
"""Fewer say too little of what all of them are like: tables were measured with eight."""
_READ = 256
"""Of more, so many that lie evenly apart in the file are embedded."""


class _Embeds(Protocol):
    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Inputs:
    """Inputs of one request, and what a receipt says of them."""

    texts: tuple[str, ...]
    sha256: str

    def told(self) -> dict[str, Any]:
        """Digest and count; never their text."""
        return {"sha256": self.sha256, "count": len(self.texts)}


def inputs_of(source: "Path | Sequence[str] | None", *, described: bool, labelled: bool) -> Inputs | None:
    """The inputs of a file (`genlora.tasks.read_inputs`) or given as values. Raises `TaskError`, and `ConfigError` for
    a request that they do not go with.
    """
    if source is None:
        return None
    if not described or labelled:
        raise ConfigError(
            "inputs without answers help to choose for a description. With labelled examples, or a teacher that writes "
            "them, these choose: leave the inputs out."
        )
    if isinstance(source, Path):
        found, digest, where = read_inputs(source), sha256_file(source), str(source)
    else:
        found = tuple(text.strip() for text in source if text.strip())
        digest, where = sha256_bytes(canonical_json(list(source))), "inputs"
    if len(set(found)) < LEAST_INPUTS:
        raise TaskError(
            f"{where}: {len(set(found))} different inputs, expected {LEAST_INPUTS} or more: fewer do not tell what the "
            "others are like."
        )
    return Inputs(tuple(dict.fromkeys(found)), digest)


def centre_of(lora: _Embeds, texts: Sequence[str]) -> NDArray[np.float32]:
    """The unit mean of the embeddings of inputs, (dim,)."""
    step = max(1, len(texts) // _READ)
    mean = lora.vectors(list(texts[::step][:_READ])).mean(0)
    return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)

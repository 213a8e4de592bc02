"""A run folder: what every method said to every example, one JSON Lines file per method, task, description and seed.

Each file is written whole or not at all, as soon as it is known, so a run that was stopped goes on where it was and a
method can be added later. A file is used again only if its key fits: the digest of everything its answers depend on.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from genlora.errors import GenloraError
from genlora.files import atomic_write, canonical_json, check_name, parse_json, sha256_bytes
from genlora.runs import begin_run

FORMAT = "genlora-evaluation-1"
MAX_FILE = 64 << 20


@dataclass(frozen=True)
class Prediction:
    """One answer and how it was scored."""

    input: str
    expected: tuple[str, ...]
    """Every right answer."""
    answer: str
    strict: float
    lenient: float
    valid: bool
    confidence: float
    """Probability of the answer: the product over its tokens."""
    token_confidence: float
    """The geometric mean over its tokens."""
    prompt_tokens: int


@dataclass(frozen=True)
class UnitResult:
    """All answers of one method to one task with one description and seed."""

    method: str
    task: str
    variant: str
    description: str | None
    seed: int
    about: Mapping[str, Any] = field(default_factory=dict)
    """Of the adapter: coverage, neighbours, milliseconds, bytes, novelty, digest; empty for the base."""
    predictions: tuple[Prediction, ...] = ()

    @property
    def strict(self) -> float:
        return sum(p.strict for p in self.predictions) / max(1, len(self.predictions))


def unit_key(**parts: Any) -> str:
    """The digest of what a unit's answers depend on."""
    return sha256_bytes(canonical_json(parts))


class RunStore:
    """Results in `root`; opening refuses a folder that was made with another base, bank or number of examples."""

    def __init__(self, root: Path, identity: Mapping[str, Any]) -> None:
        self.root = root
        self.identity = {"format": FORMAT, **identity}
        begin_run(root, self.identity)

    def path(self, method: str, task: str, variant: str) -> Path:
        """Where a unit's answers are."""
        parts = [check_name(x, what="name in a run") for x in (method, task, variant)]
        return self.root / "predictions" / parts[0] / parts[1] / f"{parts[2]}.jsonl"

    def load(self, method: str, task: str, variant: str, key: str | None = None) -> UnitResult | None:
        """The stored result, or None if there is none, it is damaged, or it was made from something else."""
        try:
            data = self.path(method, task, variant).read_bytes()
            head, *lines = data.splitlines()
            unit = parse_json(head, where="unit", max_bytes=MAX_FILE)
            if (key is not None and unit["key"] != key) or unit["count"] != len(lines):
                return None
            rows = [parse_json(line, where="prediction") for line in lines]
            predictions = tuple(Prediction(**{**r, "expected": tuple(r["expected"])}) for r in rows)
            names = ("method", "task", "variant", "description", "seed", "about")
            return UnitResult(**{k: unit[k] for k in names}, predictions=predictions)
        except (OSError, GenloraError, ValueError, KeyError, TypeError):
            return None

    def save(self, result: UnitResult, key: str) -> None:
        """Write a unit, whole or not at all."""
        head = {k: v for k, v in asdict(result).items() if k != "predictions"}
        head |= {"key": key, "count": len(result.predictions)}
        rows = [head, *(asdict(p) for p in result.predictions)]
        text = "".join(json.dumps(r, ensure_ascii=False, allow_nan=False) + "\n" for r in rows)
        atomic_write(self.path(result.method, result.task, result.variant), text.encode(), durable=False)

"""The gate: does a description ask for a harmful adapter? Decided on this machine, without a request or a download."""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from genlora.descriptions import MAX_CHARS
from genlora.errors import ConfigError, PolicyError
from genlora.files import parse_json, sha256_bytes

from ._classifier import Classifier
from ._evidence import Evidence, evidence
from ._fold import disguised, sentences
from ._lexicon import Lexicon

_DATA = files("genlora.policy") / "data"
MAX_SHOWN = 3
"""Phrases that a message quotes."""
MAX_REASON_CHARS = 500


@dataclass(frozen=True)
class Decision:
    """What the gate thinks of a description."""

    stopped: bool
    category: str | None
    """The hazard it would fall under; None where it is let through."""
    meaning: str
    """The category in words, empty where there is none."""
    matched: tuple[str, ...]
    """Phrases of the description that led there; empty where it was its meaning as a whole."""
    score: float
    """Probability of harm, 0 to 1, three digits."""
    threshold: float
    gate: str
    """Digest of the words and weights that decided."""

    def to_json(self) -> dict[str, Any]:
        """For receipts and `--json`; the words that matched are left to the message."""
        told = {"category": self.category} if self.stopped else {}
        return {"stopped": self.stopped, "score": self.score, "threshold": self.threshold, "gate": self.gate, **told}

    def message(self) -> str:
        """What a person is told whose description was stopped."""
        if self.matched:
            quoted = ", ".join(f'"{m}"' for m in self.matched[:MAX_SHOWN])
            why = f"by the words {quoted}"
        else:
            why = "by its meaning as a whole"
        return (
            f"description stopped by the local policy gate: it seems to ask for {self.meaning} "
            f"(category {self.category}, {why}; score {self.score:.2f}, stopped from {self.threshold:.2f}). "
            "To detect, prevent or report such things is fine: say so in the description, such as 'Detect ...'. If the "
            "gate is wrong and you answer for the use, generate locally with --override-policy REASON "
            "(allow_harmful= in Python); the receipt records it."
        )


class Gate:
    """Judges descriptions. Deterministic: the same text and vector give the same decision."""

    def __init__(self, lexicon: Lexicon, classifier: Classifier, digest: str = "") -> None:
        self.lexicon = lexicon
        self.classifier = classifier
        self.digest = digest

    @classmethod
    def load(cls) -> Self:
        """The gate that comes with genlora. Raises `ManifestError` where its files are damaged."""
        words, manifest, networks = (
            (_DATA / name).read_bytes() for name in ("lexicon.toml", "classifier.json", "networks.safetensors")
        )
        told = parse_json(manifest, where="policy/data/classifier.json")
        return cls(
            Lexicon.parse(words.decode(), where="policy/data/lexicon.toml"),
            Classifier.read(told, networks, where="policy/data"),
            sha256_bytes(words + manifest + networks)[:16],
        )

    def evidence(self, description: str) -> list[Evidence]:
        """What the words of each sentence show."""
        return [evidence(tokens, self.lexicon) for tokens in sentences(description[:MAX_CHARS])]

    def decide(
        self, description: str, vector: NDArray[np.float32] | None = None, *, embedder: str | None = None
    ) -> Decision:
        """Whether a description is stopped, as what, and why.

        Args:
            description: normalised text.
            vector: the description's task vector, (dim,); without one, or with one of another embedder than the gate
                was fitted on, only words decide.
            embedder: id of the embedder that made `vector`.

        The most suspicious sentence decides, so that a harmless one beside it is no cover.
        """
        parts = sentences(description[:MAX_CHARS])
        found = [evidence(tokens, self.lexicon) for tokens in parts]
        if not found:
            return Decision(False, None, "", (), 0.0, self.classifier.threshold, self.digest)
        features = np.array([e.values for e in found])
        if vector is None or embedder != self.classifier.embedder:
            return self._by_words(found, features)
        p = self.classifier.harm(features, vector)
        decision = self._decision(found, 1.0 - p[:, 0], self.classifier.threshold, p[:, 1:])
        if not decision.stopped and (len(parts) > 1 or disguised(description, parts)):
            # The vector of a disguised text means nothing, and one of many sentences is drowned in the others.
            words = self._by_words(found, features)
            return words if words.stopped else decision
        return decision

    def _by_words(self, found: list[Evidence], features: NDArray[np.float64]) -> Decision:
        return self._decision(found, self.classifier.words(features), self.classifier.words_threshold)

    def _decision(
        self,
        found: list[Evidence],
        scores: NDArray[np.float64],
        threshold: float,
        shares: NDArray[np.float64] | None = None,
    ) -> Decision:
        i = int(np.argmax(scores))
        score = round(float(scores[i]), 3)
        by = {} if shares is None else dict(zip(self.classifier.classes[1:], map(float, shares[i]), strict=True))
        category = self._category(found[i], by) if score >= threshold else None
        meaning = self.lexicon.categories[category] if category else ""
        return Decision(
            category is not None, category, meaning, _matched(found[i], category), score, threshold, self.digest
        )

    def _category(self, worst: Evidence, shares: dict[str, float]) -> str:
        def weight(name: str) -> float:
            named = min(len(worst.strong.get(name, ())), 2) + 0.25 * min(len(worst.weak.get(name, ())), 2)
            return named + 3.0 * shares.get(name, 0.0)

        return max(self.lexicon.categories, key=weight)

    def check(
        self,
        description: str,
        vector: NDArray[np.float32] | None = None,
        *,
        embedder: str | None = None,
        allow: str | None = None,
    ) -> dict[str, Any]:
        """The receipt's `policy` part of a description that may be generated.

        Raises `PolicyError` for one that is stopped, unless `allow` gives the reason why it is let through.
        """
        decision = self.decide(description, vector, embedder=embedder)
        if decision.stopped and allow is None:
            raise PolicyError(decision.message(), category=decision.category or "")
        return {**decision.to_json(), **({"override": allow} if allow is not None and decision.stopped else {})}

    @cached_property
    def categories(self) -> dict[str, str]:
        """Category: what it means, in words."""
        return dict(self.lexicon.categories)


def _matched(worst: Evidence, category: str | None) -> tuple[str, ...]:
    if category is None:
        return ()
    named = worst.strong.get(category) or worst.weak.get(category) or ()
    return tuple(dict.fromkeys((*named, *worst.evasion)))[:MAX_SHOWN]


@cache
def gate() -> Gate:
    """The gate that comes with genlora, read once."""
    return Gate.load()


def override_reason(allow_harmful: bool | str) -> str | None:
    """Why a stopped description is let through, as a receipt tells it; None where it is not. Raises `ConfigError`."""
    if allow_harmful is False:
        return None
    reason = "" if allow_harmful is True else " ".join(allow_harmful.split())
    if not reason and allow_harmful is not True:
        raise ConfigError(
            "the reason for overriding the policy gate is empty. Say in a few words why, for the receipt."
        )
    if len(reason) > MAX_REASON_CHARS or not reason.isprintable():
        raise ConfigError(
            f"the reason for overriding the policy gate has {len(reason):,} characters or holds control characters; "
            f"expected plain text of at most {MAX_REASON_CHARS}. Shorten it."
        )
    return reason or "no reason given"

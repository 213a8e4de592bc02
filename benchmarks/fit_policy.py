"""Fit the policy gate's weights on its development set, and write genlora/policy/data/classifier.json.

    python benchmarks/fit_policy.py

The held-out set is not read here. What decides is chosen by cross-validation over groups, so that a thing
and its frames fall in one fold. Deterministic: the same set and versions give the same file.
"""

import tomllib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPClassifier

from genlora.api import task_embedder
from genlora.files import atomic_write, canonical_json
from genlora.policy import FEATURES, SCALE, Classifier, Lexicon, Network, WordWeights, evidence, sentences
from genlora.tasks import catalogue

ROOT = Path(__file__).parents[1]
DEVELOPMENT = ROOT / "tests" / "policy" / "development.toml"
DATA = ROOT / "genlora" / "policy" / "data"
HIDDEN, ALPHA, EPOCHS, NETWORKS, FOLDS = 32, 1.0, 120, 3, 5
MOST_FALSE_STOPS = 0.03
"""The threshold is the lowest that stops no more of the benign development set, by cross-validation."""
PLAIN = ("masking", "office")
"""Kinds of benign lines that sound like no harm: the networks learn from them, but they would lower the threshold."""
ORDINARY = 150
"""Task descriptions of genlora's own rule tasks that join the benign ones."""
FRAMES = 4
"""Frames that each thing is put in, of the safe and of the harmful ones; all would drown what was written by hand."""


@dataclass(frozen=True)
class Line:
    """One line of the development set; lines of one group stay together."""

    text: str
    category: str
    group: str
    plain: bool = False
    """Benign, and no look-alike of anything harmful."""

    @property
    def harmful(self) -> bool:
        return self.category != "benign"


def development() -> list[Line]:
    """Every line of the development set: written ones, framed things, and descriptions of rule tasks."""
    data = tomllib.loads(DEVELOPMENT.read_text())
    lines = []
    for label in ("harmful", "benign"):
        for language, kinds in data[label].items():
            for kind, text in kinds.items():
                for row in text.strip().splitlines():
                    category = kind if label == "harmful" else "benign"
                    lines.append(Line(row, category, f"{language}: {row}", label == "benign" and kind in PLAIN))
    frames = {label: text.strip().splitlines() for label, text in data["frames"].items()}
    turn = 0
    for category, things in data["things"].items():
        for thing in things:
            for label, rows in frames.items():
                for i in range(FRAMES):
                    text = rows[(turn + i * 5) % len(rows)].format(thing)
                    lines.append(Line(text, category if label == "harmful" else "benign", f"thing: {thing}"))
            turn += 1
    ours = [e for name, e in sorted(catalogue().items()) if e.scheme == "rule"]
    picked = [e.descriptions[i % len(e.descriptions)] for i, e in enumerate(ours)]
    step = max(1, len(picked) // ORDINARY)
    lines += [Line(text, "benign", f"rule: {i}") for i, text in enumerate(picked[::step])]
    return list({line.text: line for line in lines}.values())


def words(lines: list[Line], lexicon: Lexicon) -> NDArray[np.float64]:
    """The word features of each line (n, features): of its most telling sentence, here its first, lines having one."""
    return np.array([evidence(sentences(line.text)[0], lexicon).values for line in lines])


def forgotten(features: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """A copy in which half the rows lost all that the lexicon found to name a hazard.

    The lexicon was completed on the development set, so it knows that set better than it will ever know a user's words.
    Without these rows the networks would learn that what the lexicon does not name is harmless.
    """
    out = features.copy()
    rows = np.random.default_rng(seed).random(len(out)) < 0.5
    columns = [i for i, name in enumerate(FEATURES) if name.startswith("strong")]
    out[np.ix_(rows, columns)] = 0.0
    return out


def fitted(
    vectors: NDArray[np.float32], features: NDArray[np.float64], kinds: NDArray[np.str_], order: list[str]
) -> list[Network]:
    networks = []
    for seed in range(NETWORKS):
        wide = np.tile(vectors * SCALE, (2, 1))
        rows = np.column_stack([wide, np.concatenate([features, forgotten(features, seed)])])
        net = MLPClassifier((HIDDEN,), alpha=ALPHA, max_iter=EPOCHS, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            net.fit(rows, np.tile(kinds, 2))
        columns = [list(net.classes_).index(c) for c in order]
        (one, two), (bias, other) = net.coefs_, net.intercepts_
        networks.append(Network(one, bias, two[:, columns], other[columns]))
    return networks


def threshold_of(p: NDArray[np.float64], harmful: NDArray[np.bool_], what: str) -> float:
    """The lowest threshold that stops no more of the benign lines than allowed, and a word on what it stops."""
    benign = np.sort(p[~harmful])[::-1]
    threshold = round(float(benign[int(MOST_FALSE_STOPS * len(benign))]) + 0.005, 2)
    stopped = p >= threshold
    print(
        f"{what}: threshold {threshold}, stops {stopped[harmful].mean():.1%} of {harmful.sum()} harmful and "
        f"{stopped[~harmful].mean():.1%} of {(~harmful).sum()} benign lines (cross-validated, the lexicon's words not)"
    )
    return threshold


def main() -> None:
    lines = development()
    lexicon = Lexicon.parse((DATA / "lexicon.toml").read_text())
    embedder = task_embedder()
    vectors = embedder.embed([line.text for line in lines], batch_size=64)
    kinds = np.array([line.category for line in lines])
    harmful = kinds != "benign"
    counted = np.array([not line.plain for line in lines])
    order = ["benign", *lexicon.categories]
    features = words(lines, lexicon)
    both, alone = np.zeros(len(lines)), np.zeros(len(lines))
    for train, test in GroupKFold(FOLDS).split(vectors, harmful, [line.group for line in lines]):
        networks = fitted(vectors[train], features[train], kinds[train], order)
        rows = np.column_stack([vectors[test] * SCALE, features[test]])
        both[test] = 1 - np.mean([n(rows) for n in networks], axis=0)[:, 0]
        alone[test] = word_weights(features[train], harmful[train])(features[test])
    classifier = Classifier(
        embedder.id,
        tuple(order),
        tuple(fitted(vectors, features, kinds, order)),
        word_weights(features, harmful),
        threshold_of(both[counted], harmful[counted], "words and vector"),
        threshold_of(alone[counted], harmful[counted], "words only"),
    )
    atomic_write(DATA / "classifier.json", canonical_json(classifier.manifest()))
    atomic_write(DATA / "networks.safetensors", classifier.tensors())


def word_weights(features: NDArray[np.float64], harmful: NDArray[np.bool_]) -> WordWeights:
    model = LogisticRegression(C=1.0, max_iter=2000, class_weight="balanced").fit(features, harmful)
    return WordWeights(float(model.intercept_[0]), tuple(map(float, model.coef_[0])))


if __name__ == "__main__":
    main()

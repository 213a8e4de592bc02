"""The split of the catalogue: enough of every role, and nothing that is trained on repeats what is tested."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import product

import numpy as np
import pytest

from genlora.bank import TaskEmbedder
from genlora.tasks import BigBench, CatalogueEntry, Example, build_task, catalogue, default_bigbench

DESCRIPTIONS_TOO_NEAR = 0.95
"""Cosine of two tasks' mean description vectors (MiniLM): above it they are one task, said twice."""
DESCRIPTIONS_LOOKED_AT = 0.90
"""From here on a pair must be on the list below, which says how the two differ."""
EXAMPLES_SHARED = 0.05
"""Share of a held-out task's examples that a training task may hold with the same answer."""
AGREEMENT = 0.5
"""Of the inputs two tasks share (twenty or more), the share that may have the same answer, case aside."""

NEAR_BUT_DIFFERENT = {
    ("bb-date-to-bang-format", "bb-bang-format-to-date"): "the way back",
    ("bb-to-pig-latin", "bb-from-pig-latin"): "the way back",
    ("bb-goal-of-step", "bb-step-of-goal"): "the way back",
    ("w-choose-first-of-5", "w-choose-last-of-5"): "the other end",
    ("w-choose-first-of-3", "w-choose-middle-of-3"): "another place",
    ("w-capitalize-first-letter", "w-lowercase-first-letter"): "the other case",
    ("w-capitalize", "w-lowercase-first-letter"): "the whole word; the other case",
    ("r-date-long-to-iso", "bb-bang-format-to-date"): "another notation is read",
}
"""Pairs of one training and one held-out task whose descriptions are alike, and how the tasks differ all the same."""

NUMBER = re.compile(
    r"\d+|\b(one|two|three|four|five|six|seven|eight|nine|ten|hundred|first|second|third|fourth|fifth|twice|double)\b"
)


def entries(*roles: str) -> list[CatalogueEntry]:
    return [e for e in catalogue().values() if e.role in roles]


TRAINED = entries("bank")
HELD_OUT = entries("validation", "test-near", "test-far")


def without_numbers(text: str) -> str:
    """`text` with every number replaced: what is left of two siblings that differ only in a number is equal."""
    return NUMBER.sub("#", " ".join(text.casefold().split()))


def answers(examples: Iterable[Example]) -> dict[str, set[str]]:
    """Accepted answers by input, case and spaces aside."""
    return {" ".join(e.input.casefold().split()): {" ".join(a.casefold().split()) for a in e.answers} for e in examples}


def test_the_counts_that_the_evaluation_needs():
    parents = Counter(e.parent for e in catalogue().values())
    families = {e.family for e in TRAINED}
    assert len(TRAINED) >= 150
    assert len({e.parent for e in TRAINED}) >= 60
    assert max(parents.values()) <= 6, parents.most_common(3)
    assert len(entries("validation")) >= 16
    assert len([e for e in entries("test-near") if e.family in families]) >= 24
    assert len([e for e in entries("test-far") if e.family not in families]) >= 12
    assert len(families) >= 30


def test_a_family_of_the_far_tests_has_no_other_role():
    far = {e.family for e in entries("test-far")}
    assert not far & {e.family for e in catalogue().values() if e.role != "test-far"}


def test_siblings_that_differ_only_in_a_number_are_on_one_side():
    sides: dict[str, set[bool]] = defaultdict(set)
    for e in catalogue().values():
        sides[without_numbers(e.name)].add(e.role == "bank")
        sides[without_numbers(e.source)].add(e.role == "bank")
        for text in e.descriptions:
            sides[without_numbers(text)].add(e.role == "bank")
    assert [text for text, side in sides.items() if len(side) > 1] == []


def shared(trained: CatalogueEntry, held_out: CatalogueEntry, known: dict[str, dict[str, set[str]]]) -> list[str]:
    """What two tasks have too much of in common."""
    a, b = known[trained.name], known[held_out.name]
    both = a.keys() & b.keys()
    same = sum(bool(a[text] & b[text]) for text in both)
    found = []
    if same > EXAMPLES_SHARED * len(b):
        found.append(f"{trained.name} ~ {held_out.name}: {same} of {len(b)} examples are the same")
    if len(both) >= 20 and same > AGREEMENT * len(both):
        found.append(f"{trained.name} ~ {held_out.name}: {same} of {len(both)} shared inputs have the same answer")
    return found


def too_alike(chosen: Iterable[CatalogueEntry], bigbench: BigBench | None = None) -> list[str]:
    chosen = list(chosen)
    known = {e.name: answers(build_task(e, bigbench=bigbench).examples) for e in chosen}
    kept = [e for e in TRAINED if e in chosen], [e for e in HELD_OUT if e in chosen]
    return [line for pair in product(*kept) for line in shared(*pair, known)]


def test_rule_tasks_that_are_trained_on_hold_no_examples_of_held_out_ones():
    assert too_alike(e for e in catalogue().values() if e.scheme == "rule") == []


@pytest.mark.slow
def test_bigbench_and_rule_tasks_hold_no_examples_of_held_out_ones(monkeypatch):
    monkeypatch.delenv("GENLORA_CACHE", raising=False)
    bench = default_bigbench()
    if not bench.ready:
        pytest.skip("BIG-bench is not in this machine's cache: genlora tasks list --source bigbench")
    assert too_alike((e for e in catalogue().values() if e.scheme != "words"), bench) == []


def test_a_copy_would_be_noticed():
    one, two = TRAINED[0], HELD_OUT[0]
    examples = {f"input {i}": {f"answer {i}"} for i in range(40)}
    assert shared(one, two, {one.name: examples, two.name: dict(list(examples.items())[:30])})
    assert not shared(one, two, {one.name: examples, two.name: {text: {"other"} for text in examples}})


@pytest.mark.slow
def test_descriptions_of_trained_and_held_out_tasks_are_not_alike(real_embedder):
    embedder = TaskEmbedder(real_embedder)
    every = [*TRAINED, *HELD_OUT]
    vectors = iter(embedder.embed([text for e in every for text in e.descriptions], batch_size=32))
    means = {}
    for e in every:
        mean = np.mean([next(vectors) for _ in e.descriptions], axis=0)
        means[e.name] = mean / np.linalg.norm(mean)
    cosines = {(a.name, b.name): float(means[a.name] @ means[b.name]) for a, b in product(TRAINED, HELD_OUT)}
    assert {pair: c for pair, c in cosines.items() if c > DESCRIPTIONS_TOO_NEAR} == {}
    near = {pair for pair, c in cosines.items() if c > DESCRIPTIONS_LOOKED_AT}
    assert near == NEAR_BUT_DIFFERENT.keys()

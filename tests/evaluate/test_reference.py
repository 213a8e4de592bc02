"""Requests to calibrate on, and those to judge by: never the same, and each wording once."""

from collections import Counter
from itertools import combinations

import pytest

from genlora.errors import ConfigError
from genlora.evaluate import apart_requests, reference_requests
from genlora.tasks import wordings
from genlora.tasks._wordings import HELD

STORED = ("r-plural", "r-a-an", "bb-past-tense")


@pytest.fixture(scope="module")
def asked():
    return {
        (split, wording): reference_requests(STORED, specs=4, split=split, wording=wording)
        for split, wording in (("calibration", 0), ("calibration", 1), ("test", 0), ("test", 1), ("test", 2))
    }


def test_a_stored_task_is_calibrated_on_in_close_far_and_others_words(asked):
    own = [r for r in asked["calibration", 0] if r.own]
    assert Counter(r.own for r in own) == dict.fromkeys(STORED, 3)
    assert len({r.description for r in own}) == 9
    assert not {r.description for r in own} & {t for name in STORED for t in wordings()[name].training.same}


def test_what_only_looks_like_a_stored_task_is_asked_without_rows():
    found = apart_requests([*STORED, "my-own"])
    assert Counter(r.name for r in found) == dict.fromkeys(STORED, HELD) and {r.source for r in found} == {"apart"}
    assert not any(r.examples or r.own for r in found)
    assert not {r.description for r in found} & {t for name in STORED for t in wordings()[name].training.different}


def test_requests_to_judge_by_are_others_in_each_wording(asked):
    said = {key: {r.description for r in found} for key, found in asked.items()}
    for one, other in combinations(range(3), 2):
        assert not said["test", one] & said["test", other]
    for w in range(3):
        assert not said["test", w] & (said["calibration", 0] | said["calibration", 1])
    first, *others = ([r for r in asked["test", w] if r.source not in ("near", "far")] for w in range(3))
    assert all([(r.name, r.examples) for r in first] == [(r.name, r.examples) for r in other] for other in others)
    specs = [{(r.name, r.examples) for r in asked["test", w] if r.source in ("near", "far")} for w in range(3)]
    assert all(len(s) == 8 for s in specs) and not any(a & b for a, b in combinations(specs, 2))


def test_nothing_is_calibrated_on_a_third_wording():
    with pytest.raises(ConfigError, match="two wordings to calibrate on"):
        reference_requests(STORED, specs=4, wording=2)


def test_the_splits_share_no_task_but_the_stored_ones(asked):
    judged = {(r.source, r.name) for r in asked["test", 0] if not r.own}
    assert not judged & {(r.source, r.name) for r in asked["calibration", 0]}
    assert {r.source for r in asked["test", 0]} >= {"other words", "near miss", "practical", "test-near", "near", "far"}

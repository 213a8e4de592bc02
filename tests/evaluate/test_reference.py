"""Requests to calibrate on, and those to judge by: never the same, and each wording once."""

from collections import Counter

import pytest

from genlora.evaluate import reference_requests

STORED = ("r-plural", "r-a-an", "bb-past-tense")


@pytest.fixture(scope="module")
def asked():
    return {
        (split, wording): reference_requests(STORED, specs=4, split=split, wording=wording)
        for split, wording in (("calibration", 0), ("calibration", 1), ("test", 0), ("test", 1))
    }


def test_a_stored_task_is_calibrated_on_in_a_close_and_in_a_far_wording(asked):
    own = [r for r in asked["calibration", 0] if r.own]
    assert Counter(r.own for r in own) == dict.fromkeys(STORED, 2)
    assert len({r.description for r in own}) == 6


def test_requests_to_judge_by_are_others_in_each_wording(asked):
    said = {key: {r.description for r in found} for key, found in asked.items()}
    assert not said["test", 0] & said["test", 1]
    assert not (said["test", 0] | said["test", 1]) & said["calibration", 0]
    first, second = ([r for r in asked["test", w] if r.source not in ("near", "far")] for w in (0, 1))
    assert [(r.name, r.examples) for r in first] == [(r.name, r.examples) for r in second]
    specs = [{(r.name, r.examples) for r in asked["test", w] if r.source in ("near", "far")} for w in (0, 1)]
    assert len(specs[0]) == len(specs[1]) == 8 and not specs[0] & specs[1]


def test_the_splits_share_no_task_but_the_stored_ones(asked):
    judged = {(r.source, r.name) for r in asked["test", 0] if not r.own}
    assert not judged & {(r.source, r.name) for r in asked["calibration", 0]}
    assert {r.source for r in asked["test", 0]} >= {"other words", "near miss", "practical", "test-near", "near", "far"}

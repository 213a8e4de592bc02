"""Mangled bases, adapters, banks, caches and files of examples: refused in words, harmless, or known as others."""

import pytest

from .mutated import WORLDS, run

FEW = {"models": 33, "banks": 45, "caches": 24, "examples": 30}


def checked(tmp_path, count: int, **options) -> None:
    tally = run(tmp_path, count, **options)
    assert not tally.wrong, tally.table() + "\n" + "\n".join(tally.wrong)
    assert sum(tally.counts.values()) == count


SLOW = {"models"}


@pytest.mark.parametrize("world", [pytest.param(w, marks=[pytest.mark.slow] if w in SLOW else []) for w in WORLDS])
def test_a_few_of_each_kind(tmp_path, world):
    checked(tmp_path, FEW[world], seed=1, worlds=[world])


@pytest.mark.slow
def test_fifteen_hundred(tmp_path):
    checked(tmp_path, 1_500)

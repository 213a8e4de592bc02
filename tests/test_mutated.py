"""Mangled bases and adapters are refused in words, harmless, or known as others; see `mutated`."""

import pytest

from .mutated import KINDS, run


def checked(tmp_path, count: int, seed: int) -> None:
    tally = run(tmp_path, count, seed)
    assert not tally.wrong, tally.table() + "\n" + "\n".join(tally.wrong)
    assert sum(tally.counts.values()) == count


def test_a_few_of_each_kind(tmp_path):
    checked(tmp_path, 3 * len(KINDS), seed=1)


@pytest.mark.slow
def test_fifteen_hundred(tmp_path):
    checked(tmp_path, 1_500, seed=0)

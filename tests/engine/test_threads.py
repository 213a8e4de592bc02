"""Threads of short steps: the quickest number is found, for this thread only, and changes no number of an answer."""

import threading
import time

import pytest
import torch
from torch import nn

from genlora.engine import Engine, Sampling
from genlora.engine._threads import _SAMPLES, StepThreads
from genlora.engine.products._blocks import Blocks, pack_blocks
from genlora.engine.products._halves import Halves, pack_halves

from .test_engine import endless, words
from .test_short import on_grid


@pytest.fixture(autouse=True)
def four():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("quickest", [1, 2, 4])
def test_the_number_that_is_quickest_is_taken(quickest):
    threads, used = StepThreads(4, rows=2), []
    for _ in range(3 * _SAMPLES + 1):
        with threads.step(1):
            used.append(torch.get_num_threads())
            time.sleep(0.001 if used[-1] == quickest else 0.004)
    assert threads.best(1) == quickest == used[-1]
    assert {n: used[:-1].count(n) for n in (1, 2, 4)} == {1: _SAMPLES, 2: _SAMPLES, 4: _SAMPLES}
    assert threads.best(2) is None and threads.best(3) == 4  # of its own rows alone; longer steps keep all
    assert torch.get_num_threads() == 4


def test_a_step_that_fails_gives_the_threads_back_and_counts_for_nothing():
    threads = StepThreads(4, rows=1)
    for _ in range(20):
        with pytest.raises(ZeroDivisionError), threads.step(1):
            raise ZeroDivisionError
    assert torch.get_num_threads() == 4 and threads.best(1) is None


def test_other_threads_keep_theirs():
    threads, seen = StepThreads(4, rows=1), []
    with threads.step(1):
        assert torch.get_num_threads() == 1
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert seen == [4]


def test_one_thread_is_not_measured():
    assert StepThreads(1, rows=8).best(1) == 1


def test_products_of_a_step_are_the_same_bits_with_any_number():
    generator = torch.Generator().manual_seed(0)
    weight = on_grid(torch.randn(576, 1536, generator=generator))
    blocks, halves = pack_blocks([weight]), pack_halves([weight])
    head = nn.Linear(576, 8192, bias=False).requires_grad_(False)
    assert isinstance(blocks, Blocks) and isinstance(halves, Halves)
    for rows in (1, 2, 4, 8):
        x, hidden = (torch.randn(rows, n, generator=generator) for n in (1536, 576))
        found = []
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            found.append((blocks.product(x), halves.product(x), head(hidden)))
        assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))


def test_an_engine_settles_and_answers_alike(tiny_base):
    base = endless("lean", tiny_base)
    with Engine(base) as engine:
        said = [engine.submit(words(base, 1), Sampling(max_tokens=12)).result().tokens for _ in range(4)]
        assert engine._threads.best(1) in (1, 2, 4)
    assert all(tokens == said[0] for tokens in said)

"""Files of the same factors are made once, and anew as soon as a factor is written into."""

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, _peft, peft_files, written_files
from genlora.files import sha256_bytes
from genlora.lru import Lru

from ..bank.world import layout, state


@pytest.fixture
def made(monkeypatch):
    """How often files were made."""
    calls = []

    def counted(*args, **options):
        calls.append(args)
        return peft_files(*args, **options)

    monkeypatch.setattr(_peft, "peft_files", counted)
    monkeypatch.setattr(_peft, "_kept", Lru(1 << 20))
    return calls


def test_the_same_factors_are_written_once(made):
    one, other = state(1), state(1)
    first = written_files(one, layout(), "float32")
    assert written_files(one, layout(), "float32") is first and len(made) == 1
    assert first.files == peft_files(one, layout()) and first.digests == {
        n: sha256_bytes(d) for n, d in first.files.items()
    }
    assert written_files(other, layout(), "float32") is not first and len(made) == 2  # equal, but another object
    assert written_files(one, layout(), "bfloat16").files != first.files and len(made) == 3


def test_factors_that_were_written_into_are_written_anew(made):
    one = state(1)
    before = written_files(one, layout(), "float32").files
    next(iter(one.values())).a.mul_(2)
    after = written_files(one, layout(), "float32").files
    assert after == peft_files(one, layout()) != before


def test_what_does_not_count_its_changes_is_never_kept(made):
    with torch.inference_mode():
        one = AdapterState({path: LoraPair(p.a.clone(), p.b.clone()) for path, p in state(1).items()})
    before = written_files(one, layout(), "float32").files
    with torch.inference_mode():
        next(iter(one.values())).a.mul_(2)
    assert written_files(one, layout(), "float32").files == peft_files(one, layout()) != before


def test_no_more_is_kept_than_there_is_room_for(made, monkeypatch):
    monkeypatch.setattr(_peft, "_kept", Lru(100))
    one = state(1)
    assert (
        written_files(one, layout(), "float32").files == written_files(one, layout(), "float32").files
        and len(made) == 2
    )

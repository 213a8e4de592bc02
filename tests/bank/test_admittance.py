"""What a bank takes in: of its own base (E1), of fitting shapes, of a likely size (A7)."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.bank import Bank, conform
from genlora.base._samples import Sample
from genlora.errors import AdapterFormatError, AdapterShapeError, BaseMismatchError

from .world import fingerprint, layout, new_bank, poisoned, record, state


@pytest.fixture
def bank(tmp_path):
    with new_bank(tmp_path / "bank") as made:
        yield made


# ---- E1: adapters of another base


def base(weight=1.0, **changes):
    """A base of known weights; all of them have the same shapes."""
    values = np.array([weight, -2.0], np.float32)
    return replace(fingerprint(), samples={"w": Sample(values, np.full(2, 1e-3, np.float32), False)}, **changes)


def others():
    for i in range(10):
        yield f"weights {i}", base(1.1 + i / 10)
        yield f"tokenizer {i}", base(tokenizer=f"t{i}")
        yield f"config {i}", base(config={"hidden_size": 16, "rope_theta": i})


@pytest.fixture
def based(tmp_path):
    """A bank for `base()`."""
    with Bank.create(tmp_path / "based", layout(base()), base(), rank=4) as made:
        yield made


def silently_taken(add):
    """Which of thirty other bases `add(record, state, made_for)` takes an adapter of without a word."""
    pairs, taken = list(others()), []
    assert len(pairs) == 30
    for i, (what, other) in enumerate(pairs):
        try:
            add(record(i), state(i), made_for=other)
            taken.append(what)
        except BaseMismatchError as err:
            assert other.id[:12] in str(err) and base().id[:12] in str(err)
    return taken


def test_e1_thirty_other_bases_are_refused_unless_forced(based):
    def named_in_the_record(rec, st, *, made_for):
        based.add(rec.with_(base=made_for.id), st)

    assert silently_taken(based.add) == [] == silently_taken(named_in_the_record)
    assert len(based) == 0
    other = base(9.0)
    assert based.add(record(1), state(1), made_for=other, force=True).base == other.id
    assert based.add(record(2), state(2), made_for=base(name="renamed")).base == base().id
    twin = base(1.001)  # within the rounding of both
    assert based.add(record(3), state(3), made_for=twin).base == twin.id != base().id


def test_e1_a_bank_that_goes_by_shapes_takes_all_thirty(based):
    """As PEFT does: whatever has the right tensors is loaded."""

    def add(rec, st, *, made_for):
        with based.atomic() as tx:
            tx.add_raw(rec, conform(st, based.layout, targets=based.targets, rank=based.rank))

    assert len(silently_taken(add)) == 30 == len(based)


def test_an_adapter_that_does_not_fit_is_refused(bank):
    path = next(iter(state(1)))
    good = dict(state(1))
    cases = [
        ({**good, "model.layers.9.self_attn.q_proj": good[path]}, AdapterShapeError, "is no projection of tiny"),
        ({**good, path: LoraPair(torch.ones(4, 8), torch.ones(16, 4))}, AdapterShapeError, "expected 16 x 16 for tiny"),
        (
            {**good, path: LoraPair(torch.ones(5, 16), torch.ones(16, 5))},
            AdapterShapeError,
            "rank 5, above the bank's 4",
        ),
        ({**good, **state(1, leaves=("o_proj",))}, AdapterShapeError, "it changes model.layers.0.self_attn.o_proj"),
        (
            {**good, path: LoraPair(good[path].a * float("nan"), good[path].b)},
            AdapterFormatError,
            "of size nan, expected",
        ),
        ({**good, path: LoraPair(good[path].a, good[path].b * float("inf"))}, AdapterFormatError, "of size (nan|inf)"),
        ({}, AdapterShapeError, "no update on any of q_proj, v_proj"),
    ]
    for pairs, error, says in cases:
        with pytest.raises(error, match=says):
            bank.add(record(1), AdapterState(pairs))
    assert len(bank) == 0


def test_smaller_ranks_and_zero_modules_fit_without_loss(bank):
    small = dict(state(1, rank=2, leaves=("q_proj",)))
    zero = {
        m.path: LoraPair(torch.zeros(2, m.d_in), torch.zeros(m.d_out, 2)) for m in layout().of(("k_proj", "o_proj"))
    }
    stored = bank.add(record(1), AdapterState(small | zero))
    found = bank.state("expert-1")
    assert stored.rank == 2 and {p.rank for p in found.values()} == {4}
    assert set(found) == {m.path for m in layout().of(("q_proj", "v_proj"))}
    assert all(torch.allclose(found[p].delta(), pair.delta(), atol=1e-6) for p, pair in small.items())
    assert all(not found[m.path].delta().any() for m in layout().of(("v_proj",)))


# ---- A7: values and sizes


def taken(bank, add, states):
    """How many of these `add` lets into the bank."""
    before = len(bank)
    for i, odd in enumerate(states):
        with suppress(AdapterFormatError):
            add(record(1000 + before + i), odd)
    return len(bank) - before


def naively(bank):
    """What one writes first: whatever has the right tensors is stored."""

    def add(rec, st):
        with bank.atomic() as tx:
            tx.add_raw(rec, st)

    return add


@pytest.mark.parametrize("experts", [0, 8])
def test_a7_no_poisoned_value_is_taken(bank, experts):
    for i in range(experts):
        bank.add(record(i), state(i))
    cases = list(poisoned(state(50)))
    assert len(cases) == 48
    assert taken(bank, bank.add, cases) == 0
    assert taken(bank, lambda rec, st: bank.add(rec, st, force=True), cases) == 0
    assert taken(bank, naively(bank), cases) == 48


def test_a7_one_large_number_is_refused_once_the_bank_can_judge(bank):
    """Finite and small enough for every format, but nothing like a trained expert."""
    for i in range(8):
        bank.add(record(i), state(i))
    cases = list(poisoned(state(50), values=(800.0, -800.0)))
    assert taken(bank, bank.add, cases) == 0
    assert taken(bank, naively(bank), cases) == len(cases) == 24


def test_a7_a_module_that_no_expert_changes_has_a_bound_too(bank):
    for i in range(8):
        bank.add(record(i), state(i, leaves=("q_proj",)))
    bounds = bank.norm_bounds()
    assert bounds.keys() == state(1).keys()
    loud = AdapterState({p: LoraPair(pair.a, pair.b * 100) for p, pair in state(50, leaves=("v_proj",)).items()})
    with pytest.raises(AdapterFormatError, match=r"v_proj changes the base by .* expected at most"):
        bank.add(record(50), loud)


def test_a7_an_update_far_larger_than_all_others_is_refused(bank):
    for i in range(8):
        bank.add(record(i), state(i))
    huge = AdapterState({p: LoraPair(pair.a, pair.b * 100) for p, pair in state(50).items()})
    with pytest.raises(AdapterFormatError, match=r"expert huge: .* expected at most"):
        bank.add(record(50, name="huge"), huge)
    assert "huge" not in bank
    assert bank.norm_bounds().keys() == state(1).keys()
    bank.add(record(50, name="huge"), huge, force=True)

"""Sweeps: grids on one lattice, independent pieces, tables that rank by own best rates and warn about shared ones."""

import copy
import dataclasses
import math

import pytest

from genlora.errors import ConfigError
from genlora.train import (
    Entrant,
    ExpertConfig,
    ExpertTrainer,
    MethodConfig,
    SweepConfig,
    begin_sweep,
    finished,
    only_part,
    pieces_of,
    run_piece,
    tables,
    with_seeds,
)

from ..toys import base as base
from ..toys import task

TASKS = [task("one", "the"), task("two", "in")]


def test_a_grid_is_points_over_decades_around_the_methods_own_centre_on_one_lattice():
    config = SweepConfig()
    rates = config.rates(2e-3)
    assert len(rates) == 5 and rates[2] == 2e-3
    assert math.log10(rates[-1] / rates[0]) == pytest.approx(2.5, abs=1e-3)
    higher = config.rates(1e-2)
    assert set(rates) & set(higher) and higher[2] == pytest.approx(8.434e-3)  # the lattice point nearest to 1e-2
    assert config.rates(0.5)[-1] < 1 and SweepConfig(points=1).rates(2e-3) == (2e-3,)


@pytest.mark.parametrize(
    ("text", "method", "centre"),
    [
        ("lora", MethodConfig(), 2e-3),
        ("lora-ga:gamma=32@1e-3", MethodConfig(init="lora-ga", options={"gamma": "32"}), 1e-3),
        ("lora-sb+xs", MethodConfig(init="lora-sb", structure="xs"), 2e-3),
    ],
)
def test_methods_are_read_as_they_are_written(text, method, centre):
    found = Entrant.read(text)
    assert found.method == method and found.centre == centre and found.name == text.partition("@")[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nothing", "no method is called 'nothing'"),
        ("lora@x", "the rate after @ is 'x'"),
        ("lora@5", "between 0 and 1"),
        ("lora-ga:gamma", "is not OPTION=VALUE"),
        ("lora-ga:delta=1", "delta"),
        ("lora-sb", "Choose others"),
        ("lora+xs", "names two of one seam"),
    ],
)
def test_what_is_no_method_is_said(text, says):
    with pytest.raises(ConfigError, match=says):
        Entrant.read(text)


def test_pieces_are_independent_and_shares_of_them_are_all_of_them():
    entrants = [Entrant.read("lora"), Entrant.read("lora-ga")]
    pieces = pieces_of(entrants, with_seeds(SweepConfig(points=3), "0, 1"))
    assert len(pieces) == 12 == len({p.key for p in pieces}) and [p.seed for p in pieces] == [0] * 6 + [1] * 6
    grid = with_seeds(SweepConfig(points=5), "0").rates(2e-3)
    order = [p.rate for p in pieces_of(entrants, SweepConfig(points=5)) if p.entrant.name == "lora"]
    assert order == [grid[i] for i in (2, 3, 1, 4, 0)]  # a stopped sweep has the middles of all methods
    shares = [only_part(pieces, f"{i}/5") for i in range(1, 6)]
    assert sorted(p.key for share in shares for p in share) == sorted(p.key for p in pieces)
    for bad in ("0/2", "3/2", "1", "a/b"):
        with pytest.raises(ConfigError, match="expected I/N"):
            only_part(pieces, bad)
    for bad in ("", "x", "1,-2"):
        with pytest.raises(ConfigError, match="seeds are"):
            with_seeds(SweepConfig(), bad)
    with pytest.raises(ConfigError, match="different seeds"):
        with_seeds(SweepConfig(), "1,1")
    with pytest.raises(ConfigError, match="named twice"):
        pieces_of([entrants[0], entrants[0]], SweepConfig())


def test_pieces_are_trained_once_take_equal_steps_and_go_on(base, tmp_path):
    config = SweepConfig(points=2, rows=48, rank=4, step_rows=6, eval_every=4, test_rows=6)
    pieces = pieces_of([Entrant.read("lora"), Entrant.read("lora-ga")], config)
    begin_sweep(tmp_path, base, TASKS, config)
    assert finished(tmp_path, pieces) == []
    assert config.training(pieces[0]).pack_rows == 6
    first = run_piece(base, TASKS, pieces[0], config, tmp_path)
    ticks = []
    assert run_piece(base, TASKS, pieces[0], config, tmp_path, on_tick=ticks.append) == first and not ticks
    for piece in pieces[1:]:
        run_piece(base, TASKS, piece, config, tmp_path)
    found = finished(tmp_path, pieces)
    assert len(found) == 8 and all(o.seconds > 0 and o.numbers > 0 for o in found)
    assert all(len(o.losses) == o.steps for o in found)
    assert len({(o.task, o.steps) for o in found}) == 2  # each task's steps are equal
    assert tables(found).best[0].test_loss < 7
    with pytest.raises(ConfigError, match="begun with other settings"):
        begin_sweep(tmp_path, base, TASKS[:1], config)


def test_a_training_that_diverges_is_an_outcome_and_not_a_crash(base, tmp_path):
    odd = dataclasses.replace(base, model=copy.deepcopy(base.model))
    odd.model.model.norm.weight.data.fill_(float("nan"))
    trainer = ExpertTrainer(odd, TASKS, ExpertConfig(rank=4, max_rows=96, eval_every=2, slots=2), tmp_path / "run")
    assert list(trainer.run()) == [] and set(trainer.failed) == {"one", "two"}
    assert "Lower the learning rate" in trainer.failed["one"]
    config = SweepConfig(points=1, rows=24, rank=2)
    (piece,) = pieces_of([Entrant.read("lora")], config)
    found = run_piece(odd, TASKS, piece, config, tmp_path / "sweep")
    assert [(o.test_loss, o.why) for o in found] == [(math.inf, "diverged")] * 2
    assert run_piece(odd, TASKS, piece, config, tmp_path / "sweep") == found

"""Sweeps: grids on one lattice, independent pieces, tables that rank by own best rates and warn about shared ones."""

import copy
import dataclasses
import math

import pytest

from genlora.base import load_base
from genlora.errors import ConfigError
from genlora.tasks import Example, Task
from genlora.train import (
    Entrant,
    ExpertConfig,
    ExpertTrainer,
    MethodConfig,
    Outcome,
    SweepConfig,
    begin_sweep,
    finished,
    only_part,
    pieces_of,
    run_piece,
    tables,
    tables_json,
    with_seeds,
)


@pytest.fixture(scope="module")
def base(tiny_base):
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    return base


def task(name, answer, n=60):
    return Task(name, ("say a word",), tuple(Example(f"{name} {i} the", answer) for i in range(n)), "toy", name)


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
    config = SweepConfig(points=2, rows=48, rank=4, test_rows=6)
    pieces = pieces_of([Entrant.read("lora"), Entrant.read("lora-ga")], config)
    begin_sweep(tmp_path, base, TASKS, config)
    assert finished(tmp_path, pieces) == []
    first = run_piece(base, TASKS, pieces[0], config, tmp_path)
    ticks = []
    assert run_piece(base, TASKS, pieces[0], config, tmp_path, on_tick=ticks.append) == first and not ticks
    for piece in pieces[1:]:
        run_piece(base, TASKS, piece, config, tmp_path)
    found = finished(tmp_path, pieces)
    assert (
        len(found) == 8 and len({o.steps for o in found}) == 1 and all(o.seconds > 0 and o.numbers > 0 for o in found)
    )
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


def outcome(method, rate, loss, *, seed=0, validation=None, task="t"):
    validation = loss if validation is None else validation
    return Outcome(method, rate, seed, task, validation, loss, 0.5, 10, 0.1, 100)


def test_methods_are_ranked_at_their_own_best_rates_which_validation_chooses():
    # Each is best at another rate; tuned they are close, at a shared rate they are far apart.
    found = tables(
        [
            *(outcome("lora", r, x) for r, x in ((1e-4, 2.0), (1e-3, 1.0), (1e-2, 3.0))),
            *(outcome("lora-ga", r, x) for r, x in ((1e-5, 2.0), (1e-4, 1.02), (1e-3, 2.5))),
            outcome("xs", 1e-2, 1.2, validation=1.1),
            outcome("xs", 1e-1, 1.1, validation=1.3),
        ]
    )
    assert [(b.method, b.rate, b.test_loss) for b in found.best] == [
        ("lora", 1e-3, 1.0),
        ("lora-ga", 1e-4, 1.02),
        ("xs", 1e-2, 1.2),
    ]
    assert found.winners == {1e-4: "lora-ga", 1e-3: "lora", 1e-2: "xs"} and set(found.shared) == {1e-4, 1e-3, 1e-2}
    assert found.tuned_spread == pytest.approx(0.2) and found.shared_spread == pytest.approx(1.8)
    assert found.tuned_spread <= found.shared_spread / 3
    assert found.verdict.startswith("Plain LoRA at its own best rate, 0.001, wins")
    assert any("the winner changes with it" in w for w in found.warnings)
    assert any(w.startswith("xs: its best rate, 0.01, is the grid's lowest; try lower") for w in found.warnings)
    assert any("one seed" in w for w in found.warnings)
    assert tables_json(found)["winners"]["0.001"] == "lora"


def test_one_shared_rate_is_no_ranking_and_says_so():
    found = tables([outcome("lora", 1e-3, 2.0), outcome("xs", 1e-3, 1.0)])
    assert any("tried at one rate only: this is no ranking" in w for w in found.warnings)


def test_a_gap_is_told_beside_the_deviation_between_seeds():
    rows = [outcome("lora", r, x + d, seed=s) for r, x in ((1e-3, 1.0), (1e-2, 2.0)) for s, d in ((0, 0.0), (1, 0.2))]
    near = tables([*rows, *(outcome("xs", r, x, seed=s) for r, x in ((1e-3, 1.0), (1e-2, 2.0)) for s in (0, 1))])
    assert "not more than twice the deviation between seeds (0.1414)" in near.verdict
    far = tables([*rows, *(outcome("xs", r, x, seed=s) for r, x in ((1e-3, 0.5), (1e-2, 2.0)) for s in (0, 1))])
    assert far.verdict.startswith("xs is 0.6000 below plain LoRA") and ", more than twice" in far.verdict
    assert "plain LoRA was not in the sweep" in tables([outcome("xs", 1e-3, 1.0)]).verdict


def test_what_diverged_is_never_best_and_all_of_it_is_an_error():
    found = tables([outcome("lora", 1e-3, 1.0), outcome("lora", 1e-2, math.inf), outcome("xs", 1e-2, math.inf)])
    assert found.best[0].rate == 1e-3 and found.best[1].test_loss == math.inf
    assert tables_json(found)["best"][1]["test_loss"] is None
    with pytest.raises(ConfigError, match="every training of the sweep diverged"):
        tables([outcome("lora", 1e-3, math.inf)])
    with pytest.raises(ConfigError, match="no piece"):
        tables([])

"""What a sweep says: ranks at own best rates, warnings about shared ones, steps to plain LoRA's loss."""

import math

import pytest

from genlora.errors import ConfigError
from genlora.train import Outcome, tables, tables_json


def outcome(method, rate, loss, *, seed=0, validation=None, task="t", losses=()):
    validation = loss if validation is None else validation
    return Outcome(method, rate, seed, task, validation, loss, 0.5, 10, 0.1, 100, losses)


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


def test_steps_to_plain_loras_last_loss_are_counted_on_curves_smoothed_alike():
    plain = tuple(4.0 - 0.1 * i for i in range(16))
    quick = tuple(4.0 - 0.2 * i for i in range(16))
    rows = [
        outcome("lora", 1e-3, 2.4, losses=plain),
        outcome("lora", 1e-2, 3.0, losses=tuple(x + 1 for x in plain)),
        outcome("lora-ga", 1e-3, 1.0, losses=quick),
        outcome("xs", 1e-3, 3.9, losses=tuple(4.0 for _ in range(16))),
        outcome("loldu", 1e-3, 5.0),
    ]
    found = {b.method: b.to_plain for b in tables(rows).best}
    # Plain ends at (2.5 + 2.6) / 2, the mean of its last two; the other's mean is there at (2.4 + 2.6) / 2.
    assert found == {"lora": 16, "lora-ga": 9, "xs": None, "loldu": None}
    assert tables_json(tables(rows))["best"][0]["to_plain"] == 9
    assert {b.to_plain for b in tables(rows[2:]).best} == {None}  # without plain LoRA there is nothing to reach

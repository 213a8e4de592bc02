"""A bank's diagnosis: figures of planted updates are exact, on cards, in pictures, and refused where they cannot be."""

import json
import shutil

import pytest
import torch
from click.testing import CliRunner

from genlora.adapter import AdapterState, LoraPair, intruder_dimensions, module_at
from genlora.api import diagnose_bank, store_diagnoses
from genlora.bank import Bank, expert_card
from genlora.cli import cli
from genlora.errors import ConfigError, UnknownExpertError
from genlora.evaluate import diagnosis_plot


def planted(model, path, count, strength=6.0):
    """`count` new directions in one module: equal mixes of all old ones, each stronger than W's strongest."""
    weight = module_at(model, path).weight.detach().double()
    u, s, vh = torch.linalg.svd(weight, full_matrices=False)
    n = len(s)
    rows = torch.arange(n)
    mixes = torch.stack([(-1.0) ** ((rows >> j) & 1) for j in range(count)], 1).double() / n**0.5
    return LoraPair((vh.mT @ mixes).mT.float(), (float(s[0]) * strength * u @ mixes).float())


@pytest.fixture
def bank_path(tmp_path, served_bank, served_base):
    """A copy of the served bank, with one expert that has three new directions in one module and two in another."""
    path = tmp_path / "bank"
    shutil.copytree(served_bank, path)
    first, second = [m.path for m in served_base.layout.of(("q_proj",))][:2]
    state = AdapterState({first: planted(served_base.model, first, 3), second: planted(served_base.model, second, 2)})
    with Bank.open(path) as bank:
        record = bank.get("plural").with_(name="planted", metrics={"conversion_error": 0.03})
        bank.add(record, state, force=True)
    return path


def test_planted_directions_are_counted_exactly_and_nothing_else(bank_path, served_base):
    with Bank.open(bank_path, readonly=True) as bank:
        (one,) = diagnose_bank(bank, served_base, ["planted"], ranks=[1])
        assert one.intruders == 5 and one.by_leaf == {"q_proj": 2.5, "v_proj": 0.0}
        assert one.by_k == {"1": 2, "3": 5, "10": 5}  # stronger than all of W's, so they come first
        assert one.by_rank == {"1": 2, "4": 5} and one.stored_error == pytest.approx(0.03)
        state = bank.state("planted")
        sizes = [float(module_at(served_base.model, p).weight.norm()) ** 2 for p in state]
        assert one.relative_norm == pytest.approx(
            (sum(float(p.delta().norm()) ** 2 for p in state.values()) / sum(sizes)) ** 0.5, rel=1e-4
        )
        (other,) = diagnose_bank(bank, served_base, ["sum"], k=3, eps=0.7)
        wanted = [
            intruder_dimensions(module_at(served_base.model, p).weight, q, k=3, eps=0.7)
            for p, q in bank.state("sum").items()
        ]
        assert other.intruders == sum(w.count for w in wanted)
        assert len(diagnose_bank(bank, None)) == len(bank)
        plain = diagnose_bank(bank, None, ["planted"])[0]
        assert plain.intruders is None and plain.relative_norm is None and plain.norm == pytest.approx(one.norm)


def test_stored_figures_are_on_the_card_until_the_weights_change(bank_path, served_base):
    with Bank.open(bank_path) as bank:
        assert expert_card(bank, "planted")["diagnosis"] is None
        store_diagnoses(bank, diagnose_bank(bank, served_base, ["planted"]))
        store_diagnoses(bank, diagnose_bank(bank, None, ["sum"]))
        found = expert_card(bank, "planted")["diagnosis"]
        assert (
            found["intruders"] == 5 and found["k"] == 10 and expert_card(bank, "sum")["diagnosis"]["intruders"] is None
        )
        bank.add(bank.get("planted"), bank.state("sum"), replace=True)
        assert expert_card(bank, "planted")["diagnosis"] is None


def test_the_command_prints_stores_and_draws(bank_path, tiny_base, tmp_path):
    base, picture = str(tiny_base("llama")), tmp_path / "p.png"
    line = ["bank", "diagnose", "--bank", str(bank_path), "--base", base]
    ran = CliRunner().invoke(cli, [*line, "planted", "sum", "--ranks", "1,2", "--plot", str(picture), "--store"])
    assert ran.exit_code == 0, ran.output
    assert "5/40" in ran.stdout and picture.read_bytes().startswith(b"\x89PNG")
    card = CliRunner().invoke(cli, ["bank", "show", "planted", "--bank", str(bank_path)])
    assert "5 intruder dimensions in 4 modules (of the 10 strongest directions each, cosine below 0.5)" in card.stdout
    again = CliRunner().invoke(cli, [*line, "planted", "--plot", str(picture)])
    assert again.exit_code == 2 and "is there already. Pass --force" in again.output
    told = CliRunner().invoke(cli, ["bank", "diagnose", "--bank", str(bank_path), "--no-base", "--json"])
    rows = json.loads(told.stdout)["experts"]
    assert len(rows) == 9 and all(r["intruders"] is None and r["effective_rank"] > 0 for r in rows)


def test_a_picture_of_one_rank_is_over_effective_rank(bank_path, served_base):
    with Bank.open(bank_path, readonly=True) as bank:
        rows = [d.to_json() for d in diagnose_bank(bank, served_base, ["planted", "sum"])]
    assert diagnosis_plot(rows).startswith(b"\x89PNG") and diagnosis_plot(rows) == diagnosis_plot(rows)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["nobody", "--no-base"], "nobody"),
        (["--no-base", "--ranks", "1"], "needs the base's weights"),
        (["--ranks", "1,x"], "expected whole numbers with commas"),
        (["--no-base", "--plot", "x.png"], "leave --no-base out"),
        (["--plot", "/nowhere/x.png"], "no such folder"),
        (["--plot", __file__, "--force"], "It is no PNG, and --force does not replace it"),
        (["--k", "0"], "--k"),
        (["--base", "/nowhere/base"], "/nowhere/base"),
    ],
)
def test_what_cannot_be_diagnosed_is_said(bank_path, options, says):
    ran = CliRunner().invoke(cli, ["bank", "diagnose", "--bank", str(bank_path), *options])
    assert ran.exit_code == 2 and says in ran.output and "Traceback" not in ran.output


def test_another_base_and_odd_names_are_refused(bank_path, tiny_base, served_base):
    other = str(tiny_base("llama", seed=5, hidden=32))
    ran = CliRunner().invoke(cli, ["bank", "diagnose", "--bank", str(bank_path), "--base", other])
    assert ran.exit_code == 2 and "Traceback" not in ran.output
    with Bank.open(bank_path, readonly=True) as bank:
        with pytest.raises(UnknownExpertError):
            diagnose_bank(bank, served_base, ["nobody"])
        with pytest.raises(ConfigError, match="rank must be"):
            diagnose_bank(bank, served_base, ["sum"], ranks=[0])
    ran = CliRunner().invoke(cli, ["bank", "diagnose", "--no-base", "--store"])
    assert ran.exit_code == 2 and "name the bank" in ran.output

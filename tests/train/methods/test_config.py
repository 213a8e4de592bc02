"""Names, options and what goes together: the whole table of pairs is walked."""

import json

import pytest
from click.testing import CliRunner

from genlora.cli import cli
from genlora.errors import ConfigError
from genlora.train import ExpertConfig, MethodConfig, all_methods
from genlora.train.methods import AXES, SEAMS

BY_SEAM = {seam: [m.name for m in all_methods() if m.seam == seam] for seam in SEAMS}

# The table of section 2.6 of the specification, written down by hand: what each structure goes with.
INITS = {
    "lora": set(BY_SEAM["init"]) - {"lora-sb"},
    "xs": {"common", "lora-sb"},
    "complement": {"common"},  # and eva, where side=left leaves A free
    **{s: {"common"} for s in ("loldu", "block", "mica", "randlora", "miss", "bone")},
}
FREE = {"lora-pro", "lora-fa", "riemannian"}
RULES = {
    "lora": set(BY_SEAM["rule"]),
    "block": set(BY_SEAM["rule"]) - FREE,
    "complement": set(BY_SEAM["rule"]) - FREE - {"allora"},
    **dict.fromkeys(
        ("xs", "loldu", "mica", "randlora", "miss", "bone"), set(BY_SEAM["rule"]) - FREE - {"allora", "lora-plus"}
    ),
}
OPTIMISERS = {"lora-pro", "lora-fa", "riemannian", "allora", "lora-plus"}


def made(**names):
    try:
        return MethodConfig(**names)
    except ConfigError as err:
        text = str(err)
        assert text.count(". ") == 1 and text.endswith("genlora methods list"), text  # one sentence, and what to do
        return None


@pytest.mark.parametrize("structure", BY_SEAM["structure"])
@pytest.mark.parametrize("init", BY_SEAM["init"])
def test_init_and_structure(init, structure):
    assert (made(init=init, structure=structure) is not None) == (init in INITS[structure])


@pytest.mark.parametrize("structure", BY_SEAM["structure"])
@pytest.mark.parametrize("rule", BY_SEAM["rule"])
def test_structure_and_rule(structure, rule):
    assert (made(structure=structure, rules=(rule,)) is not None) == (rule in RULES[structure])


@pytest.mark.parametrize("one", BY_SEAM["rule"])
@pytest.mark.parametrize("other", BY_SEAM["rule"])
def test_rule_and_rule(one, other):
    both_optimise = {one, other} <= OPTIMISERS
    same = one == other != "adamw"
    assert (made(rules=(one, other)) is not None) == (not both_optimise and not same)


@pytest.mark.parametrize("allocate", BY_SEAM["allocate"])
@pytest.mark.parametrize("structure", BY_SEAM["structure"])
def test_any_allocation_goes_with_any_structure(allocate, structure):
    assert made(structure=structure, allocate=allocate) is not None


@pytest.mark.parametrize("method", all_methods(), ids=lambda m: f"{m.seam}-{m.name}")
def test_every_method_says_what_it_is_and_can_be_made(method):
    assert method.axis in AXES
    for text in (method.title, method.source, method.cost, method.when):
        assert text.strip() and "\n" not in text
    assert method.make(**{k: o.default for k, o in method.options.items()}) is not None
    for option in method.options.values():
        assert option.help and option.read(option.default, where="x") == option.default


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"init": "magic"}, "no init is called 'magic'; expected one of common, lora-ga"),
        ({"rules": "adamw,magic"}, "no rule is called 'magic'"),
        ({"options": ["gamma=3"]}, "no chosen method has an option 'gamma'; the options there are: none"),
        ({"init": "lora-ga", "options": ["gamma"]}, "'gamma' is not of the form key=value"),
        ({"init": "lora-ga", "options": ["gamma=big"]}, "lora-ga.gamma is 'big', expected a number; 16.0 is usual"),
        ({"init": "lora-ga", "options": ["gamma=-1"]}, "lora-ga.gamma is -1, expected 0.001 to 1e+06"),
        ({"init": "lora-ga", "options": ["gamma=nan"]}, "lora-ga.gamma is nan, expected 0.001 to"),
        ({"init": "lora-ga", "options": ["batches=1.5"]}, "lora-ga.batches is '1.5', expected a whole number"),
        ({"init": "lora-ga", "options": ["scaling=odd"]}, "expected one of stable, gd, unit"),
        ({"init": "lora-ga", "options": ["gamma=1", "gamma=2"]}, "'gamma' is given twice"),
    ],
)
def test_what_is_not_there_is_told_in_words(words, says):
    with pytest.raises(ConfigError) as caught:
        MethodConfig.read(**words)
    assert says in str(caught.value)


def test_the_default_leaves_no_trace_in_records():
    assert "method" not in ExpertConfig().to_json()
    assert MethodConfig.read().plain and MethodConfig(rules=("adamw", "adamw")).plain
    assert MethodConfig.read(init="lora-ga", options=["gamma=16"]) == MethodConfig(init="lora-ga")
    config = MethodConfig.read(init="lora-ga", options=["lora-ga.gamma=4"])
    assert config.options == {"lora-ga.gamma": 4.0}
    assert MethodConfig(**config.to_settings() | {"rules": ("adamw",)}) == config
    assert config.to_json()["options"]["lora-ga.gamma"] == 4.0


def test_methods_are_listed_and_shown():
    listed = CliRunner().invoke(cli, ["methods", "list"])
    assert listed.exit_code == 0 and len(listed.stdout.splitlines()) == len(all_methods())
    assert "--init      lora-ga       initialisation" in listed.stdout
    shown = CliRunner().invoke(cli, ["methods", "show", "lora-ga"])
    assert "arXiv 2407.05000" in shown.stdout and "--method-option gamma=16.0" in shown.stdout
    as_json = json.loads(CliRunner().invoke(cli, ["methods", "show", "lora-ga", "--json"]).stdout)
    assert as_json[0]["options"]["gamma"]["default"] == 16.0
    assert len(json.loads(CliRunner().invoke(cli, ["methods", "list", "--json"]).stdout)) == len(all_methods())
    wrong = CliRunner().invoke(cli, ["methods", "show", "magic"])
    assert wrong.exit_code == 2 and "no method is called 'magic'" in wrong.output


def test_the_methods_of_the_specification_are_there():
    assert {"common", "eva", "lora-ga", "lora-sb", "pissa", "olora", "corda", "orthogonal"} <= set(BY_SEAM["init"])
    structures = {"lora", "xs", "loldu", "block", "complement", "randlora", "miss", "bone"}
    assert structures <= set(BY_SEAM["structure"])
    rules = {"adamw", "lora-pro", "lisa", "allora", "glad", "lora-plus"}
    assert rules <= set(BY_SEAM["rule"])
    assert {"uniform", "eva", "flexora", "diffora", "contribution"} <= set(BY_SEAM["allocate"])

"""`auto`: the way of the highest expected accuracy, told with its interval, and how the tables are fitted."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from genlora import GenLora
from genlora.adapter import product_cosine
from genlora.api import Library, fit_auto, verify
from genlora.api._inputs import centre_of
from genlora.base import fingerprint, layout_of, load_base
from genlora.errors import AccuracyError, ConfigError, FetchError, ManifestError, TaskError, UnknownGeneratorError
from genlora.evaluate import ReferenceRequest
from genlora.generators import (
    AutoGenerator,
    Request,
    Stopwatch,
    load_artefact,
    nearness,
    neighbourhood,
    save_artefact,
)
from genlora.generators._auto import NO_EXPERT, OWN_WORDS, in_its_own_words
from genlora.generators._expected import ExpectedAccuracy, WayTable, measured
from genlora.generators._reading import kept_given
from genlora.tasks import Example

from .test_trained import artefact

NEAR, FAR = "sort the words of a list", "zzz qqq xxx"


def close(lora, text):
    """The expert's features of a request."""
    vector = lora.embed(text)[0]
    request, engine = Request(description=text), lora.engine("aggregate")
    near = neighbourhood(lora.bank, engine.calibration, request, vector, Stopwatch())
    return torch.from_numpy(nearness(lora.bank, vector, near).features).float()


def held(lora):
    """A stored task in its own words."""
    return lora.bank.get(next(iter(lora.bank.names()))).descriptions[0]


def tables(bank, embedder, lora, *, few=0.5, few_one=0.9):
    """The expert keeps its score near a stored task and loses it elsewhere; the few-shot adapter gets `few`."""
    texts = (held(lora), FAR)
    features = torch.stack([close(lora, t) for t in texts])
    tensors = {
        "expert-quick.features": features,
        "expert-quick.right": torch.tensor([1.0, 0.0]),
    }
    ways = {"expert-quick": {"bandwidth": 0.05, "prior": 0.001}}
    for name, value in (("fewshot-0", few), ("fewshot-1", few_one), ("fewshot-3", 0.95)):
        for suffix, x in (("-quick", features), ("", torch.cat([features, torch.zeros(2, 1)], 1))):
            tensors |= {f"{name}{suffix}.features": x, f"{name}{suffix}.right": torch.full((2,), value)}
            ways[f"{name}{suffix}"] = {"bandwidth": 0.5, "prior": 0.001}
    plain = artefact(bank, embedder, "multitask")
    return dataclasses.replace(plain, kind="auto", tensors=tensors, config={"ways": ways})


@pytest.fixture
def trained(lora, embedder, tmp_path, monkeypatch):
    folder = tmp_path / "generators"
    save_artefact(folder / "fewshot", artefact(lora.bank, embedder, "fewshot"))
    save_artefact(folder / "auto", tables(lora.bank, embedder, lora))
    monkeypatch.setenv("GENLORA_GENERATORS", str(folder))
    return folder


def test_the_expert_answers_near_a_stored_task_and_the_few_shot_adapter_elsewhere(lora, trained):
    near = lora.generate(held(lora), generator="auto")
    far = lora.generate(FAR, generator="auto")
    assert near.generated.made_by["chosen"] == "expert" and near.generated.prompt == "bare"
    assert far.generated.made_by["chosen"] == "fewshot" and far.generated.prompt == "described"
    assert product_cosine(near.state, lora.bank.state(near.generated.neighbours[0].name)) > 0.9999
    assert far.generated.expected.value == pytest.approx(0.5, abs=0.02)
    assert near.generated.expected.low <= near.generated.expected.value <= near.generated.expected.high
    assert "expected accuracy" in far.generated.made_by["why"]


def test_examples_move_the_choice_and_are_advised_where_they_would_help(lora, trained):
    far = lora.generate(FAR, generator="auto").generated
    assert far.advice["one example"].value == pytest.approx(0.9, abs=0.02)
    assert set(far.advice) == {"one example", "three examples"}


def test_a_bare_prompt_keeps_it_to_the_experts(lora, trained):
    made = lora.generate(FAR, generator="auto", prompt="bare").generated
    assert made.made_by["chosen"] == "expert" and made.expected.value < 0.3 and not made.advice
    with pytest.raises(ConfigError, match="prompt must be bare or described"):
        lora.generate(FAR, prompt="spoken")


def test_without_tables_it_claims_nothing(lora, tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_GENERATORS", str(tmp_path / "nothing"))
    made = lora.generate("write the plural of a noun", generator="auto").generated
    assert made.made_by["chosen"] == "expert" and made.expected is None
    with pytest.raises(UnknownGeneratorError, match="genlora train fewshot"):
        lora.generate("write the plural of a noun", generator="fewshot")


def test_an_expert_that_was_never_measured_may_be_worth_nothing(lora, trained, monkeypatch):
    text = held(lora)
    monkeypatch.setattr("genlora.generators._auto.own_score", lambda library, name: None)
    made = lora.generate(text, generator="auto", prompt="bare").generated
    assert made.expected.low == 0.0 and made.expected.value <= 0.75


def test_a_request_in_the_words_of_a_card_is_that_experts(lora, trained, monkeypatch):
    monkeypatch.setattr("genlora.generators._auto.measured", lambda right, n: ExpectedAccuracy(0.99, 0.9, 1.0))
    name = lora.bank.names()[0]
    said = lora.bank.get(name).descriptions[0]
    known = dataclasses.replace(lora.bank.get(name), gain={"own": 0.9, "n": 60})
    get = lora.bank.get
    monkeypatch.setattr(lora.bank, "get", lambda n: known if n == name else get(n))
    assert in_its_own_words(lora.bank, name, f"  {said.upper()}!") == ExpectedAccuracy(0.99, 0.9, 1.0)
    for other in (f"not: {said}", f"- {said}", f'"{said}"', f"{said} + 1"):  # a sign may be all that another task says
        assert in_its_own_words(lora.bank, name, other) is None
    never = dataclasses.replace(known, gain={"own": 0.9, "n": 0})
    monkeypatch.setattr(lora.bank, "get", lambda n: never)
    assert in_its_own_words(lora.bank, name, said) is None
    monkeypatch.setattr(lora.bank, "get", lambda n: known if n == name else get(n))
    other = next(n for n in lora.bank.names() if n != name)
    assert in_its_own_words(lora.bank, other, said) is None
    made = lora.generate(said.upper(), generator="auto", quick=True).generated
    assert made.expected == ExpectedAccuracy(0.99, 0.9, 1.0) and made.neighbours[0].name == name


def test_tables_that_are_none_are_refused(lora, trained, embedder):
    broken = dataclasses.replace(load_artefact(trained / "auto", "auto"), config={"bare": {"held": 0.5}})
    save_artefact(trained / "auto", broken, replace=True)
    with GenLora(lora.bank, embedder=embedder) as fresh, pytest.raises(ManifestError, match="genlora train auto"):
        fresh.generate(NEAR, generator="auto")


def test_a_measured_share_has_wilsons_interval():
    found = measured(54, 60)
    assert (
        found.value == 0.9
        and found.low == pytest.approx(0.838, abs=0.002)
        and found.high == pytest.approx(0.94, abs=0.002)
    )
    assert measured(0, 10).low == 0 and measured(10, 10).high == 1 and measured(10, 10).low < 0.9


def of_an_earlier_form(tables):
    """Tables in which the few-shot adapter is judged by the description's vector."""
    return dataclasses.replace(tables, tensors={**tables.tensors, "fewshot-0.features": torch.zeros(2, 8)})


def test_tables_of_an_earlier_form_are_refused(lora, trained, embedder):
    save_artefact(trained / "auto", of_an_earlier_form(load_artefact(trained / "auto", "auto")), replace=True)
    with GenLora(lora.bank, embedder=embedder) as fresh:
        with pytest.raises(ManifestError, match=r"8 features, expected 4.*genlora train auto"):
            fresh.generate(NEAR, generator="auto")


def test_the_same_request_verifies(lora, trained, tmp_path):
    folder = lora.generate(FAR, generator="auto").save(tmp_path / "made")
    verdict = verify(folder, lora)
    assert verdict.ok and verdict.recomputed, verdict
    assert json.loads((folder / "receipt.json").read_text())["made_by"]["tables"]


def test_tables_are_fitted_through_the_base(world, embedder, tmp_path, tiny_base, monkeypatch):
    path = tiny_base("llama")
    base = load_base(str(path), attn_implementation="eager")
    world.fill(tmp_path / "bank", layout_of(path), fingerprint(path), embedder, size=0.5)
    seen = []
    with GenLora(tmp_path / "bank", embedder=embedder) as lora:
        save_artefact(tmp_path / "generators" / "fewshot", artefact(lora.bank, embedder, "fewshot"))
        # tables that cannot be read do not keep others from being fitted
        save_artefact(tmp_path / "generators" / "auto", of_an_earlier_form(tables(lora.bank, embedder, lora)))
        monkeypatch.setenv("GENLORA_GENERATORS", str(tmp_path / "generators"))
        rows = tuple(Example(f"in {i}", f"out {i}") for i in range(12))
        requests = [
            ReferenceRequest(name, "near miss", f"{name} the plural of a noun", rows)
            for name in ("say", "give", "tell")
        ]
        record = fit_auto(lora, base, requests, tmp_path / "auto", on_answer=lambda done, all: seen.append((done, all)))
        other = dataclasses.replace(requests[0], description="the plural of a noun, said otherwise")
        with pytest.raises(ConfigError, match="requests for 1 tasks to calibrate on"):
            fit_auto(lora, base, [requests[0], other], tmp_path / "none")
        left, expect = [], WayTable.expect
        with monkeypatch.context() as patch:
            patch.setattr(
                WayTable,
                "expect",
                lambda t, x, *, without=(): left.append(tuple(without)) or expect(t, x, without=without),
            )
            alike = fit_auto(lora, base, [*requests, other], tmp_path / "alike")
        names = set(lora.bank.names())
        looks = ReferenceRequest("say", "apart", "the plural of no noun", ())
        with_apart = fit_auto(lora, base, requests, tmp_path / "apart", apart=[looks])
        with monkeypatch.context() as patch:
            patch.setattr("genlora.api.measure._fit_auto.card_rows", lambda record, most=0: ())  # cards without samples
            plain = fit_auto(lora, base, requests, tmp_path / "plain")
    assert len(alike["requests"]) == 4
    *_, told = with_apart["requests"]
    assert told["source"] == "apart" and "fewshot-0" not in told and {e["right"] for e in told["experts"]} == {0.0}
    assert set(with_apart["means"]) == {"near miss"}  # what others answer to it is known to nobody
    few, more = (load_artefact(tmp_path / name, "auto").tensors for name in ("auto", "apart"))
    assert len(more["fewshot-0.right"]) == len(few["fewshot-0.right"]) == 3
    assert len(more["expert-quick.right"]) == 4 and len(more["expert.right"]) > len(few["expert.right"])
    # a task in two wordings is judged by other tasks, not by its other wording
    assert {(0, 3), (1,), (2,)} == {w for w in left if w and max(w) < 4}
    assert seen[-1] == (29, 29) and seen == sorted(seen) and set(record["means"]) == {"near miss"}
    assert set(record["mean"]) == {
        "nearest expert",
        "fewshot-0",
        "fewshot-1",
        "fewshot-3",
        "auto",
        "auto, quick",
        "auto, with inputs",
    }
    assert 0 <= record["calibration_error"] <= 1 and 0 <= record["inside_the_interval"] <= 1
    few = {"fewshot-0-quick", "fewshot-1-quick", "fewshot-3-quick", "expert-quick"}
    fitted = load_artefact(tmp_path / "auto", "auto").config
    few_and_inputs = few | {"expert-inputs-quick"}
    assert set(fitted["ways"]) == few_and_inputs | {way.removesuffix("-quick") for way in few_and_inputs}
    assert set(fitted["rows"]) == names == set(fitted["inputs"]) and set(record["with_inputs"]) == set(record["quick"])
    assert all(-1 <= e["inputs_alike"] <= 1 for r in record["requests"] for e in r["experts"])
    assert all(-4 <= e["gap"] <= 1 for r in record["requests"] for e in r["experts"])
    fitted = load_artefact(tmp_path / "plain", "auto").config
    assert set(fitted["ways"]) == few and not fitted["rows"] and plain["quick"]["expert_used"] == plain["expert_used"]


def reading(lora, tables):
    """`tables` with rows of every expert, and a table in which a gap alone decides."""
    features = np.concatenate([np.zeros((2, 3)), [[0.0], [-4.0]]], 1)
    tensors = {"expert.features": torch.from_numpy(features).float(), "expert.right": torch.tensor([1.0, 0.0])}
    ways = {**tables.config["ways"], "expert": {"bandwidth": 2.5, "prior": 0.001}}
    rows = {n: {"rows": [[f"input of {n}", "output"]], "own": -1.0} for n in lora.bank.names()}
    return dataclasses.replace(tables, tensors={**tables.tensors, **tensors}, config={"ways": ways, "rows": rows})


def with_inputs(lora, tables, text: str, expert: str, given):
    """`tables` in which likeness of inputs decides near `text`, and `given` are what `expert` is asked."""
    names, centre = sorted(lora.bank.names()), centre_of(lora, given)
    centres = {name: centre if name == expert else -centre for name in names}
    mine = nearness(lora.bank, *_near(lora, text), inputs=1.0).features
    rows = np.stack([mine, mine * [1, 1, 1, 0.0]])
    tensors = {
        "expert-inputs-quick.features": torch.from_numpy(rows).float(),
        "expert-inputs-quick.right": torch.tensor([1.0, 0.0]),
        "inputs": torch.from_numpy(np.stack([centres[n] for n in names])),
    }
    ways = {**tables.config["ways"], "expert-inputs-quick": {"bandwidth": 2.5, "prior": 0.001}}
    return dataclasses.replace(
        tables, tensors={**tables.tensors, **tensors}, config={**tables.config, "ways": ways, "inputs": names}
    )


def _near(lora, text):
    vector = lora.embed(text)[0]
    calibration = lora.engine("aggregate").calibration
    return vector, neighbourhood(lora.bank, calibration, Request(description=text), vector, Stopwatch())


def test_inputs_without_answers_speak_for_the_expert_that_is_asked_such(lora, trained, embedder, tmp_path, monkeypatch):
    text = held(lora)
    _, near = _near(lora, text)
    second = near.found[1].name
    given = ["one thing", "a place", "some more", "that is all"]
    found = with_inputs(lora, tables(lora.bank, embedder, lora, few=0.1), text, second, given)
    save_artefact(trained / "auto", found, replace=True)
    alone = lora.generate(text, quick=True)
    made = lora.generate(text, quick=True, inputs=given)
    assert [n.name for n in alone.neighbours] != [second] == [n.name for n in made.neighbours]
    told = made.receipt()
    assert told["request"]["inputs"]["count"] == 4 and given[0] not in str(told)
    assert told["made_by"]["inputs_alike"][second] == max(told["made_by"]["inputs_alike"].values())
    file = tmp_path / "asked.txt"
    file.write_text("\n".join(given))
    assert lora.generate(text, quick=True, inputs=file).generated.made_by == made.generated.made_by
    made.save(tmp_path / "out")
    verdict = verify(tmp_path / "out", lora)
    assert verdict.ok and not verdict.recomputed and "inputs of the user's" in str(verdict)
    with Library(lora) as library:
        kept = library.create(text, inputs=given)
        assert kept.receipt["request"]["inputs"] == told["request"]["inputs"]
        assert library.create(text, inputs=given) is kept and library.create(text).id != kept.id


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"inputs": ["a", "b", "a", " "]}, "2 different inputs, expected 4 or more"),
        ({"inputs": list("abcd"), "examples": [Example("a", "b")] * 4}, "leave the inputs out"),
        ({"inputs": list("abcd"), "description": None, "examples": [Example("a", "b")]}, "leave the inputs out"),
    ],
)
def test_inputs_that_tell_nothing_are_refused(lora, options, says):
    with pytest.raises((ConfigError, TaskError), match=says):
        lora.generate(**{"description": FAR, **options})


def test_the_same_task_test_passes_over_a_sibling(lora, embedder, monkeypatch):
    monkeypatch.setattr("genlora.generators._auto.own_score", lambda library, name: 0.9)
    found = reading(lora, tables(lora.bank, embedder, lora, few=0.1))
    few = artefact(lora.bank, embedder, "fewshot")
    text = held(lora)
    vector = lora.embed(text)[0]
    nearest, second, *_ = (n.name for n in lora.bank.search(vector, 3))
    asked = []

    def read(adapter, questions):
        asked.append(questions)
        return [-1.2 if rows == ((f"input of {second}", "output"),) else -30.0 for _, rows in questions]

    engine = AutoGenerator(lora.bank, lora.engine("aggregate").calibration, found, few, read)
    made = engine.generate(Request(description=text), vector)
    assert made.made_by["gaps"][nearest] == -4.0 and made.made_by["gaps"][second] == -0.2
    assert [n.name for n in made.neighbours] == [second] and made.neighbours[0].weight == 1.0
    assert product_cosine(made.adapter, lora.bank.state(second)) > 0.9999
    assert made.expected.value > 0.6 and [said for said, _ in asked[0]] == [text] * 3
    alone = engine.generate(Request(description=text, top_k=1), vector)
    assert [n.name for n in alone.neighbours] == [second]
    quick = engine.generate(Request(description=text, quick=True), vector)
    assert [n.name for n in quick.neighbours] == [nearest] and "gaps" not in quick.made_by and len(asked) == 2


def test_the_same_task_test_is_not_asked_where_it_could_not_change_who_answers(lora, embedder, monkeypatch):
    monkeypatch.setattr("genlora.generators._auto.own_score", lambda library, name: 0.9)
    few = artefact(lora.bank, embedder, "fewshot")
    asked = []

    def engine(value):
        found = reading(lora, tables(lora.bank, embedder, lora, few=value))
        return AutoGenerator(
            lora.bank,
            lora.engine("aggregate").calibration,
            found,
            few,
            lambda adapter, questions: asked.append(questions) or [-1.0 for _ in questions],
        )

    def make(value, text, **options):
        asked.clear()
        return engine(value).generate(Request(description=text, **options), lora.embed(text)[0]).made_by

    far = make(0.95, FAR)  # better than any expert's own score
    assert not asked and far["unread"] == NO_EXPERT and far["chosen"] == "fewshot" and "gaps" not in far
    near = make(0.1, held(lora))
    assert asked and "unread" not in near and near["gaps"]
    assert make(0.95, FAR, prompt="bare")["chosen"] == "expert" and asked
    assert "unread" not in make(0.95, FAR, shots=(("a", "b"),)) and asked  # an example may speak for an expert
    assert "unread" not in make(0.95, FAR, quick=True) and not asked
    monkeypatch.setattr(
        "genlora.generators._auto.in_its_own_words", lambda library, name, text: ExpectedAccuracy(0.97, 0.9, 1.0)
    )
    own = make(0.95, held(lora))
    assert not asked and own["unread"] == OWN_WORDS and own["chosen"] == "expert"


def test_an_example_that_the_expert_would_not_give_rules_it_out_and_one_that_it_gives_speaks_for_it(
    lora, embedder, monkeypatch
):
    monkeypatch.setattr("genlora.generators._auto.own_score", lambda library, name: 0.9)
    found = reading(lora, tables(lora.bank, embedder, lora, few=0.5, few_one=0.6))
    few = artefact(lora.bank, embedder, "fewshot")
    text = held(lora)
    vector = lora.embed(text)[0]
    said = {"right": 0.0, "wrong": -20.0, "long": -100.0}

    def read(adapter, questions):
        return [-1.0 if description else said[rows[0][1]] for description, rows in questions]

    engine = AutoGenerator(lora.bank, lora.engine("aggregate").calibration, found, few, read)

    def made(*answers):
        return engine.generate(Request(description=text, shots=tuple(("x", a) for a in answers)), vector)

    plain, right, wrong, long = made(), made("right"), made("wrong"), made("long")
    assert [m.made_by["chosen"] for m in (plain, right, wrong, long)] == ["expert", "expert", "fewshot", "expert"]
    assert right.expected.value > plain.expected.value == long.expected.value
    assert set(right.made_by["examples_read"].values()) == {0.0} and not long.made_by.get("examples_read")
    assert wrong.expected.value == pytest.approx(0.6, abs=0.02)


def test_examples_make_nobody_surer_of_an_expert_than_its_own_score_is(lora, embedder, monkeypatch):
    get = lora.bank.get
    monkeypatch.setattr(lora.bank, "get", lambda n: dataclasses.replace(get(n), gain={"own": 0.9, "n": 60}))
    found = reading(lora, tables(lora.bank, embedder, lora, few=0.5, few_one=0.6))
    few = artefact(lora.bank, embedder, "fewshot")
    text, calibration = held(lora), lora.engine("aggregate").calibration
    engine = AutoGenerator(lora.bank, calibration, found, few, lambda adapter, asked: [0.0 for _ in asked])
    shown = Request(description=text, shots=(("x", "y"), ("z", "w")))
    expected = engine.generate(shown, lora.embed(text)[0]).expected
    assert expected.value == pytest.approx(0.9, abs=0.01) and expected.low < 0.86 and expected.high > 0.93


def test_kept_given_is_bayes_and_leaves_certainty_alone():
    assert kept_given(0.5, 0.0, 1) == pytest.approx(1 / 1.05, abs=1e-3)
    assert kept_given(0.5, -50.0, 1) == pytest.approx(0.1 / 1.1, abs=1e-3)
    assert kept_given(0.5, -50.0, 3) < 0.002 and kept_given(0.0, 0.0, 1) == 0.0 and kept_given(1.0, -9.0, 1) == 1.0
    assert kept_given(0.3, -1.0, 0) == pytest.approx(0.3)


def test_an_adapter_that_the_base_was_asked_about_verifies(world, embedder, tmp_path, tiny_base, monkeypatch):
    path = tiny_base("llama")
    world.fill(tmp_path / "bank", layout_of(path), fingerprint(path), embedder, size=0.5)
    base = load_base(str(path))
    with GenLora(tmp_path / "bank", embedder=embedder, base=base) as lora:
        folder = tmp_path / "generators"
        save_artefact(folder / "fewshot", artefact(lora.bank, embedder, "fewshot"))
        save_artefact(folder / "auto", reading(lora, tables(lora.bank, embedder, lora)))
        monkeypatch.setenv("GENLORA_GENERATORS", str(folder))
        made = lora.generate(held(lora))
        assert len(made.generated.made_by["gaps"]) == 3 and made.receipt()["request"]["quick"] is False
        verdict = verify(made.save(tmp_path / "made"), lora)
        assert verdict.ok and verdict.recomputed, verdict
        assert "gaps" not in lora.generate(held(lora), quick=True).receipt()["made_by"]

    def none(*_, **__):
        raise FetchError("no index, no cache")

    monkeypatch.setattr("genlora.api._same_task.load_banks_base", none)
    with GenLora(tmp_path / "bank", embedder=embedder) as elsewhere:  # where there is no base to ask: said, not blamed
        verdict = verify(tmp_path / "made", elsewhere)
        assert not verdict.ok and "not at hand here" in {c.name: c.detail for c in verdict.checks}["adapter"]


def test_without_a_base_at_hand_the_request_becomes_a_quick_one_and_says_so(
    lora, embedder, tmp_path, monkeypatch, caplog
):
    folder = tmp_path / "generators"
    save_artefact(folder / "fewshot", artefact(lora.bank, embedder, "fewshot"))
    save_artefact(folder / "auto", reading(lora, tables(lora.bank, embedder, lora)))
    monkeypatch.setenv("GENLORA_GENERATORS", str(folder))

    def none(*_, **__):
        raise FetchError("no index, no cache")

    monkeypatch.setattr("genlora.api._same_task.load_banks_base", none)
    with GenLora(lora.bank, embedder=embedder) as alone:
        made = alone.generate(held(lora))
        assert "the base is not at hand" in caplog.text and "no index, no cache" in caplog.text
        assert made.receipt()["request"]["quick"] is True and "gaps" not in made.receipt()["made_by"]
        assert verify(made.save(tmp_path / "made"), alone).ok
        caplog.clear()
        alone.generate(held(lora), quick=True)
        assert "not at hand" not in caplog.text
    save_artefact(folder / "auto", reading(lora, tables(lora.bank, embedder, lora, few=0.95)), replace=True)
    with GenLora(lora.bank, embedder=embedder) as alone:  # nothing would be asked, so nothing is missed
        made = alone.generate(FAR)
        assert made.receipt()["request"]["quick"] is False and made.generated.made_by["unread"]
        assert "not at hand" not in caplog.text


def test_tables_of_another_banks_experts_claim_nothing_here(lora, embedder, tmp_path, monkeypatch):
    folder = tmp_path / "generators"
    theirs = reading(lora, tables(lora.bank, embedder, lora))
    rows = {f"their {n}": r for n, r in theirs.config["rows"].items()}
    save_artefact(folder / "fewshot", artefact(lora.bank, embedder, "fewshot"))
    save_artefact(folder / "auto", dataclasses.replace(theirs, config={**theirs.config, "rows": rows}))
    monkeypatch.setenv("GENLORA_GENERATORS", str(folder))
    with GenLora(lora.bank, embedder=embedder) as fresh:
        made = fresh.generate(held(lora))
    assert made.generated.made_by["chosen"] == "expert" and made.expected_accuracy is None


def test_rows_that_are_none_are_refused(lora, trained, embedder):
    whole = load_artefact(trained / "auto", "auto")
    names = lora.bank.names()
    for each in ({"rows": [["a"]], "own": 1.0}, {"rows": [], "own": "much"}, None):
        rows = ["x"] if each is None else dict.fromkeys(names, each)
        broken = dataclasses.replace(whole, config={**whole.config, "rows": rows})
        save_artefact(trained / "auto", broken, replace=True)
        with GenLora(lora.bank, embedder=embedder) as fresh, pytest.raises(ManifestError, match="genlora train auto"):
            fresh.generate(NEAR, generator="auto")


def test_below_the_bound_nothing_is_made_and_the_error_says_what_would_help(lora, trained):
    assert lora.generate(FAR, min_accuracy=0.4).expected_accuracy.value >= 0.4
    with pytest.raises(AccuracyError, match=r"0\.50 of cases.*at least 0\.70.*one example: about 0\.9"):
        lora.generate(FAR, min_accuracy=0.7)
    with pytest.raises(AccuracyError, match="nothing is known"):
        lora.generate(FAR, min_accuracy=0.7, generator="aggregate")
    with pytest.raises(ConfigError, match="min_accuracy is 7"):
        lora.generate(FAR, min_accuracy=7)
    assert "expected_accuracy=0.5" in repr(lora.generate(FAR))
    assert any(w.startswith("expected accuracy is low: 0.0") for w in lora.generate(FAR, prompt="bare").warnings)

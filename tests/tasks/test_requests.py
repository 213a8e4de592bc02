"""The sets of requests that only measure: whole, balanced, and apart from what is trained on."""

import json
from collections import Counter
from pathlib import Path

import pytest

from genlora.errors import TaskError
from genlora.tasks import catalogue, score, split_of, third_wordings
from genlora.tasks._requests import SHOWN, ProbeSet, probes, read_probes
from genlora.tasks.rules._registry import rule_names, rule_task

SETS: tuple[ProbeSet, ...] = ("near-misses", "practical", "other-words")
LOG = json.loads((Path(__file__).parents[2] / "checkpoints" / "bank-log.json").read_text())
STORED = {e["name"] for e in LOG["experts"] if e["admitted"]}


def plain(text: str) -> str:
    return " ".join(text.casefold().split())


@pytest.mark.parametrize("which", SETS)
def test_every_text_is_clean(which):
    for probe in probes(which):
        for text in probe.descriptions:
            assert text == text.strip() and len(text.splitlines()) == 1 and 2 <= len(text.split()) <= 60, text
        for row in probe.rows:
            for text in (row.input, *row.answers):
                assert text == text.strip() and text, (probe.name, text)
            assert all(len(answer.splitlines()) == 1 for answer in row.answers), (probe.name, row)
        inputs = [row.input for row in probe.rows]
        assert len(set(inputs)) == len(inputs), probe.name


def test_no_description_is_used_twice_or_stands_in_the_catalogue():
    said = Counter(plain(text) for which in SETS for p in probes(which) for text in p.descriptions)
    said.update({plain(text) for entry in catalogue().values() for text in entry.descriptions})
    said.update(map(plain, third_wordings().values()))
    assert [text for text, n in said.items() if n > 1] == []


def test_everything_to_judge_by_has_a_third_wording():
    judged = {p.near for p in probes("other-words", split="test") if p.near in STORED}
    judged |= {p.name for which in ("near-misses", "practical") for p in probes(which, split="test")}
    judged |= {name for name, e in catalogue().items() if e.role.startswith("test-")}
    assert judged == set(third_wordings())
    for text in third_wordings().values():
        assert text == text.strip() and len(text.splitlines()) == 1 and 4 <= len(text.split()) <= 40, text


@pytest.mark.parametrize("which", SETS)
def test_answers_have_the_form_that_is_named(which):
    for probe in probes(which):
        answers = [a for row in probe.rows for a in row.answers]
        if probe.form == "labels":
            assert set(answers) == set(probe.labels), probe.name
            assert all(label.casefold() in text.casefold() for text in probe.descriptions for label in probe.labels)
        elif probe.form == "number":
            assert all(float(a.replace(",", "")) is not None for a in answers), probe.name
        elif probe.form == "json":
            assert all(json.loads(a) is not None for a in answers), probe.name


def test_near_misses_are_sixty_halved_by_place():
    shipped = probes("near-misses")
    assert len(shipped) == 60
    assert [p.split for p in shipped] == ["validation", "test"] * 30
    assert probes("near-misses", split="test") == shipped[1::2]
    assert all(len(p.rows) == 14 and len(p.descriptions) == 2 and p.slot for p in shipped)


def test_near_misses_cover_the_bank():
    shipped = probes("near-misses")
    near = {p.near for p in shipped}
    assert len(near & STORED) >= 40
    assert {p.family for p in shipped} >= {catalogue()[name].family for name in STORED}
    assert all(p.family == catalogue()[p.near].family for p in shipped)
    per_split = [Counter(p.family for p in probes("near-misses", split=s)) for s in ("validation", "test")]
    assert max(abs(per_split[0][f] - per_split[1][f]) for f in {p.family for p in shipped}) <= 1


def test_the_near_expert_would_be_wrong():
    checked = 0
    for probe in probes("near-misses"):
        rule = catalogue()[probe.near].place
        if catalogue()[probe.near].scheme != "rule" or rule not in rule_names():
            continue
        answers = {e.input: e.output for e in rule_task(rule)}
        known = [row for row in probe.rows if row.input in answers]
        wrong = [row for row in known if not score("exact", answers[row.input], row, strict=True)]
        assert len(known) - len(wrong) <= 2, probe.name
        if known:
            checked += 1
            assert all(split_of(row.input) != "train" for row in known), probe.name
    assert checked >= 30


def test_near_misses_change_their_input():
    for probe in probes("near-misses"):
        assert not [row for row in probe.rows if row.input in row.answers], probe.name
        assert max(Counter(row.output for row in probe.rows).values()) <= 7, probe.name


def test_practical_tasks_are_forty_halved_by_place():
    shipped = probes("practical")
    assert [p.split for p in shipped] == ["validation", "test"] * 20
    families = [Counter(p.family for p in probes("practical", split=s)) for s in ("validation", "test")]
    assert families[0] == families[1] and len(families[0]) >= 5
    assert not {"masking", "mask"} & set(families[0])
    for probe in shipped:
        assert (probe.near, probe.slot, probe.metric) == ("", "", "exact")
        assert len(probe.rows) == 20 and len(probe.descriptions) == 2, probe.name
        if probe.labels:
            assert {row.output for row in probe.rows[:SHOWN]} == set(probe.labels), probe.name
        assert max(Counter(row.output for row in probe.rows).values()) <= 10, probe.name
        same = [row for row in probe.rows if row.input in row.answers]
        assert len(same) <= 3, probe.name


def test_every_stored_task_is_said_in_three_other_ways():
    shipped = probes("other-words")
    assert len(STORED - {p.near for p in shipped}) <= 4  # weak experts may leave and others come
    for split, counts in (("calibration", {1, 2}), ("test", {2})):
        said = probes("other-words", split=split)
        assert len(said) == 68 and not any(p.rows for p in said)
        # what left the bank has only its close wording to calibrate on
        assert all(len(p.descriptions) in (counts if p.near not in STORED else {2}) for p in said)
        assert all(p.name == f"{p.near}.{split}" and p.family == catalogue()[p.near].family for p in said)


def test_labels_are_named_in_other_words():
    for probe in probes("other-words"):
        place = catalogue()[probe.near].place
        if catalogue()[probe.near].metric == "choice" and place in rule_names():
            for text in probe.descriptions:
                missing = [c for c in rule_task(place)[0].choices if c.casefold() not in text.casefold()]
                assert missing == [], text


def _document(**change):
    entry = {
        "name": "n",
        "near": "r-plural",
        "family": "grammar",
        "metric": "exact",
        "slot": "direction",
        "split": "test",
        "descriptions": ["One."],
        "rows": [["a", "b"], ["c", "d", ["d", "e"]]],
        **change,
    }
    return json.dumps([{k: v for k, v in entry.items() if v is not None}]).encode()


def test_an_entry_is_read_whole():
    (probe,) = read_probes("near-misses", _document(form="labels", labels=["b", "d"]))
    assert (probe.name, probe.near, probe.split, probe.labels) == ("n", "r-plural", "test", ("b", "d"))
    assert probe.rows[0].answers == ("b",) and probe.rows[1].answers == ("d", "e")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "../x"}, "request name '../x' is not allowed"),
        ({"near": "r-none"}, "'r-none' is no task of the bank"),
        ({"near": "r-mask-digits"}, "'r-mask-digits' is no task of the bank"),
        ({"slot": None}, "`slot` is missing or not text"),
        ({"split": "train"}, "split 'train', expected one of calibration, validation, test"),
        ({"metric": "f1"}, "metric 'f1', expected one of exact, choice, rouge-l"),
        ({"form": "xml"}, "form 'xml', expected one of"),
        ({"form": "labels"}, "`labels` are given exactly when `form` is 'labels'"),
        ({"descriptions": [" "]}, "`descriptions` is not a list of texts"),
        ({"rows": {}}, "`rows` is missing or not a list"),
        ({"rows": [["a"]]}, "row 1: expected a list of input, output"),
        ({"rows": [["a", "b"], ["a", ""]]}, "row 2: `output` is empty"),
        ({"surprise": 1}, "key 'surprise' is not known"),
    ],
)
def test_a_wrong_entry_is_named(change, says):
    with pytest.raises(TaskError) as err:
        read_probes("near-misses", _document(**change))
    assert says in str(err.value) and "near-misses.json: entry 1 (" in str(err.value)


def test_what_there_is_not():
    with pytest.raises(TaskError, match="no set of requests 'far', expected one of near-misses, practical"):
        probes("far")  # type: ignore[arg-type]
    with pytest.raises(TaskError, match="no split 'train', expected one of calibration, validation, test"):
        probes("near-misses", split="train")  # type: ignore[arg-type]
    with pytest.raises(TaskError, match="expected a JSON list"):
        read_probes("practical", b"{}")
    with pytest.raises(TaskError, match="not strict JSON"):
        read_probes("practical", b"[{]")
    with pytest.raises(TaskError, match="entry 1: expected an object"):
        read_probes("practical", b"[1]")

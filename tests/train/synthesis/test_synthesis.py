"""Examples from a writer: what is asked, what is read of the answers, and what passes the filters."""

import json

import pytest

from genlora.tasks import Example
from genlora.train import synthesise
from genlora.train.synthesis._parse import answer_in, written
from genlora.train.synthesis._prompts import EACH, answering_prompt, writing_prompts


def pairs(text):
    examples, faults = written(text)
    return [(e.input, e.output) for e in examples], faults


@pytest.mark.parametrize(
    "text",
    [
        '{"input": "ox", "output": "oxen"}\n{"input": "a b", "output": "c"}',
        '```json\n[{"input": "ox", "output": "oxen"},\n {"input": "a b", "output": "c"}]\n```',
        'Sure! Two:\n\n1. {"input": "ox", "output": "oxen"},\n2) {"input": "a b", "output": "c"}\nHope it helps.',
        "<think>ox => oxes? no</think>\n- ox => oxen\n- a b -> c",
        "input,output\nox,oxen\na b,c",
        'Two:\n{\n  "input": "ox",\n  "output": "oxen"\n},\n{\n  "input": "a b",\n  "output": "c"\n}\n',
        "thinking without its beginning </think>\nox => oxen\n\na b => c\n",
    ],
)
def test_usual_ways_of_writing_examples_are_read(text):
    assert pairs(text) == ([("ox", "oxen"), ("a b", "c")], 0)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", 0),
        ("I cannot help with that.", 0),
        ('{"input": "...", "output": "..."}', 1),
        ('{"input": "ox", "out', 1),
        ('{"input": "ox", "output": ""}', 1),
        ("a => b => c", 1),
        (json.dumps({"input": "x" * 3000, "output": "y"}), 1),
        ('{"input": "a\\u001b[2J", "output": "y"}', 1),
        ('{"input": "a\\u0000", "output": "y"}', 1),
        ('{"input": "\\ud800", "output": "y"}', 1),
    ],
)
def test_what_is_no_example_is_counted_or_passed_over(text, faults):
    assert pairs(text) == ([], faults)


def test_numbers_need_no_quotation_marks():
    assert pairs('Sums:\n{"input": "3 4", "output": 7}\n{"input": -2.5, "output": true}')[0] == [
        ("3 4", "7"),
        ("-2.5", "true"),
    ]


def test_one_bad_line_does_not_lose_the_others():
    assert pairs('{"input": "ox", "output": "oxen"}\n{"input": "wolf", "outp') == ([("ox", "oxen")], 1)


def test_a_number_before_some_lines_is_part_of_the_input():
    assert pairs("1. ox => oxen\nwolf => wolves")[0] == [("1. ox", "oxen"), ("wolf", "wolves")]


def test_choices_that_a_writer_adds_are_left_out():
    assert written('{"input": "a", "output": "b", "choices": ["b", "c"]}')[0] == [Example("a", "b")]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("oxen\n", "oxen"),
        ("Answer: oxen", "oxen"),
        ("<think>hm</think>\n\noxen", "oxen"),
        ('{"input": "ox", "output": "oxen"}', "oxen"),
        ('{"name": "x"}', '{"name": "x"}'),
    ],
)
def test_the_second_answer_is_taken_out_of_what_stands_around_it(text, answer):
    assert answer_in(text) == answer


def test_every_prompt_asks_in_another_way():
    prompts = writing_prompts("Give the plural.", None, count=24, seed=7)
    assert len(prompts) == 24 // EACH and len({p.text for p in prompts}) == len({p.seed for p in prompts}) == 4
    assert len({p.temperature for p in prompts}) > 1 and all("Give the plural." in p.text for p in prompts)
    asked = [int(p.text.split("Write ")[1].split()[0]) for p in writing_prompts("x", None, count=23, seed=0)]
    assert sum(asked) == 23
    again = answering_prompt("Give the plural.", "ox", ["cats", "cats", "dogs"], seed=0)
    assert again.temperature == 0 and "cats; dogs" in again.text and again.text.endswith("Input: ox")


def writer(lines, answers):
    """Writes `lines` to the first prompt, and answers inputs from a table."""
    heard = []

    def write(prompts):
        for prompt in prompts:
            first = not heard
            heard.append(prompt)
            if "\n\nInput: " in prompt.text:
                yield answers.get(prompt.text.rpartition("Input: ")[2], "?")
            else:
                yield lines if first else ""

    return write, heard


def test_filters_and_their_counts():
    lines = "ok => yes\nOK  => yes\nbad => no\nodd => maybe\ntorn => yes\nbroken => => x"
    write, heard = writer(lines, {"ok": "yes\n", "bad": "Answer: no", "torn": "no"})
    told = []
    found = synthesise(
        "Answer yes or no.", write, count=6, seed=3, progress=lambda what, done, total: told.append((what, done, total))
    )
    assert found.form is not None and set(found.form.labels) == {"yes", "no"}
    assert [(e.input, e.output) for e in found.examples] == [("ok", "yes"), ("bad", "no")]
    assert [(e.input, second) for e, second in found.doubtful] == [("torn", "no")]
    assert found.counts.to_json() == {
        "asked": 6,
        "parsed": 5,
        "unreadable": 1,
        "duplicate": 1,
        "off_form": 1,
        "disagreed": 1,
        "kept": 2,
    }
    assert told == [("write", 0, 1), ("write", 1, 1), *(("agree", n, 3) for n in range(4))]
    assert len(heard) == 4 and len({p.seed for p in heard}) == 4


def test_nothing_to_agree_on_asks_nothing():
    write, heard = writer("no examples here", {})
    assert synthesise("Give the plural.", write, count=4).counts.kept == 0 and len(heard) == 1


def test_what_a_writer_raises_ends_it():
    def fails(prompts):
        raise OSError("gone")
        yield

    with pytest.raises(OSError, match="gone"):
        synthesise("Give the plural.", fails)

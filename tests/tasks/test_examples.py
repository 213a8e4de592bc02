"""The one reader of labelled examples: every usual form, and errors that name the place."""

import json
import os
from pathlib import Path

import pytest

from genlora.errors import TaskError
from genlora.tasks import parse_examples, read_examples, read_inputs, read_shot

TWO = [("wolf", "wolves"), ("ox", "oxen")]


def _jsonl(path, *rows):
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows), encoding="utf-8")
    return path


def test_jsonl_with_header(tmp_path):
    task = read_examples(
        _jsonl(
            tmp_path / "mine.jsonl",
            {"task": "Support tickets", "descriptions": ["Sort the ticket.", "Which queue?"], "licence": "CC0-1.0"},
            {"input": "I was charged twice", "output": "billing", "choices": ["billing", "technical"]},
            "",
            {"input": "It crashes", "output": "technical", "choices": ["billing", "technical"], "id": 7},
        )
    )
    assert task.name == "support-tickets"
    assert task.descriptions == ("Sort the ticket.", "Which queue?")
    assert (task.metric, task.licence, task.source) == ("choice", "CC0-1.0", "jsonl:mine.jsonl")
    assert [e.output for e in task.examples] == ["billing", "technical"]


def test_jsonl_without_header_takes_the_file_name_and_byte_order_mark(tmp_path):
    path = tmp_path / "antonyms.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"input": "hot", "output": "cold", "accepted": ["chilly"]}\r\n')
    task = read_examples(path)
    assert task.name == "antonyms"
    assert task.metric == "exact"
    assert task.examples[0].answers == ("cold", "chilly")


def test_unused_keys_are_logged(tmp_path, caplog):
    read_examples(_jsonl(tmp_path / "a.jsonl", {"input": "x", "output": "y", "acepted": ["z"]}))
    assert "acepted" in caplog.text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"input": "a"', "not strict JSON"),
        ('{"input": "a", "input": "b", "output": "c"}', "appears twice"),
        ('{"input": "a", "output": NaN}', "NaN is not JSON"),
        ('["a", "b"]', "a list, expected a JSON object"),
        ('{"input": "a"}', "`output` is missing, expected text"),
        ('{"input": "a", "output": 3}', "`output` is a number, expected text"),
        ('{"input": "a", "output": true}', "`output` is true/false"),
        ('{"input": " ", "output": "x"}', "`input` is empty"),
        ('{"input": "a", "output": ""}', "`output` is empty"),
        ('{"input": "a", "output": "b", "choices": "b"}', "`choices` is text, expected a list of texts"),
        ('{"input": "a", "output": "b", "choices": ["c", "d"]}', "none of its `choices`"),
        ('{"input": "a", "output": "b", "accepted": [1]}', "`accepted` is a list, expected a list of texts"),
        ('{"task": "again"}', "a header line, expected only as the first line"),
        ("[" * 100 + "]" * 100, "nested deeper"),
    ],
)
def test_jsonl_errors_name_file_and_line(tmp_path, line, says):
    path = _jsonl(tmp_path / "bad.jsonl", {"input": "fine", "output": "fine"}, "", line)
    with pytest.raises(TaskError) as err:
        read_examples(path)
    assert says in str(err.value)
    assert f"{path}:3" in str(err.value)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"task": "x", "mertic": "exact"}, "header key 'mertic' is not known"),
        ({"task": "x", "metric": "bleu"}, "metric 'bleu', expected one of exact, choice, rouge-l"),
        ({"task": 5}, "`task` is a number"),
    ],
)
def test_jsonl_header_errors(tmp_path, header, says):
    with pytest.raises(TaskError, match=says):
        read_examples(_jsonl(tmp_path / "h.jsonl", header, {"input": "a", "output": "b"}))


def test_jsonl_choice_metric_needs_choices(tmp_path):
    with pytest.raises(TaskError, match="some lines have no `choices`"):
        read_examples(_jsonl(tmp_path / "h.jsonl", {"task": "x", "metric": "choice"}, {"input": "a", "output": "b"}))


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_pipe_is_never_waited_for_unless_the_shell_made_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(TaskError, match="is a pipe, expected a file of examples"):
        read_examples(tmp_path / "pipe.jsonl")
    reader, writer = os.pipe()
    os.write(writer, b'{"input": "a", "output": "b"}\n')
    os.close(writer)
    assert read_examples(Path(f"/dev/fd/{reader}")).examples[0].output == "b"
    os.close(reader)


def test_empty_missing_and_binary_files(tmp_path):
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(TaskError, match="no example in it"):
        read_examples(tmp_path / "empty.jsonl")
    with pytest.raises(TaskError, match="cannot be read"):
        read_examples(tmp_path / "missing.jsonl")
    with pytest.raises(TaskError, match="cannot be read"):
        read_examples(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"prompt": "wolf ", "completion": " wolves"}\n{"prompt": "ox", "completion": "oxen"}'),
        ("a.jsonl", '{"question": "wolf", "answer": "wolves"}\r{"text": "ox", "label": "oxen"}\r'),
        ("a.json", '[\n  {"input": "wolf", "output": "wolves"},\n  {"instruction": "ox", "output": "oxen"}\n]\n'),
        ("a.csv", "Input,Output\r\nwolf,wolves\r\n\r\nox,oxen\r\n"),
        ("a.txt", "id;prompt;completion\n1;wolf;wolves\n2;ox;oxen\n"),
        ("a.tsv", "text\tlabel\nwolf\twolves\nox\toxen\n"),
        ("a.txt", "wolf => wolves\n\nox -> oxen\n"),
        ("a.txt", "wolf\twolves\nox \u2192 oxen\n"),
        ("a.txt", '{"input": "wolf", "output": "wolves"}\nox=>oxen'),
        (
            "a.jsonl",
            "\n".join(
                json.dumps({"messages": [{"role": "user", "content": a}, {"role": "assistant", "content": b}]})
                for a, b in TWO
            ),
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_usual_form_is_read(tmp_path, name, text, encoding):
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert [(e.input, e.output) for e in read_examples(tmp_path / name).examples] == TWO


def test_text_is_kept_as_it_is(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'input,output\n"say ""a, b""","c\nd"\n')
    assert [(e.input, e.output) for e in read_examples(path).examples] == [('say "a, b"', "c\nd")]
    path.write_text('{"a": 1} => {"b": 2}\n[1, 2] => [2, 1]\nx; y, z => 3\n')
    found = [(e.input, e.output) for e in read_examples(path.rename(tmp_path / "a.txt")).examples]
    assert found == [('{"a": 1}', '{"b": 2}'), ("[1, 2]", "[2, 1]"), ("x; y, z", "3")]
    path.write_text('{"input": "a => {b}", "output": "two\u2028lines => c"}', encoding="utf-8")
    found = [(e.input, e.output) for e in read_examples(path.rename(tmp_path / "a.jsonl")).examples]
    assert found == [("a => {b}", "two\u2028lines => c")]


def test_the_system_turn_that_all_chats_share_is_the_description(tmp_path, caplog):
    def chat(system, asked, said):
        turns = [{"role": "system", "content": system}, {"role": "user", "content": [{"type": "text", "text": asked}]}]
        return {"messages": [*turns, {"role": "assistant", "content": said}]}

    task = read_examples(_jsonl(tmp_path / "a.jsonl", *(chat("Give the plural.", *pair) for pair in TWO)))
    assert task.descriptions == ("Give the plural.",) and [(e.input, e.output) for e in task.examples] == TWO
    task = read_examples(_jsonl(tmp_path / "a.jsonl", chat("One.", *TWO[0]), chat("Two.", *TWO[1])))
    assert task.descriptions == () and "several system turns" in caplog.text


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (
            "a.jsonl",
            rb'{"input": "a\ud83d", "output": "b"}',
            "a.jsonl:1: character 2 of `input` is half of a surrogate",
        ),
        ("a.jsonl", rb'{"input": "a", "output": "\u0000"}', "character 1 of `output` is NUL"),
        ("a.jsonl", b'{"input": "a", "output": "b"}\n{"input": "a", "output": "\xe9"}', "a.jsonl:2: not UTF-8 text"),
        ("a.jsonl", b'{"input": "x => y', "not strict JSON"),
        ("a.jsonl", b'{\n "input": "a"\n}', "a.jsonl:1: not strict JSON"),
        ("a.jsonl", b'{"messages": "x"}', "`messages` is text, expected a list"),
        ("a.jsonl", b'{"messages": [{"role": "user", "content": "x"}]}', "turns of user, expected one of the user and"),
        ("a.json", b"[]", "no example in it"),
        ("a.json", b'[{"input": "a", "output": "b"}, 3]', "a.json: example 2: a number, expected an object"),
        ("a.xlsx", b"PK\x03\x04\x00\x00", "a.xlsx:1: holds a NUL character"),
        ("a.bin", b"\xff\xfe\x00", "not UTF-8 text"),
        ("a.txt", b"wolf,wolves", "found 0 arrows, expected one. .* Of CSV the first line names the columns"),
        ("a.txt", b"a => b\na => b => c", "a.txt:2: found 2 arrows"),
        ("a.csv", b"wolf,wolves\nox,oxen\n", "a.csv:1: columns wolf, wolves, expected a first line that names two"),
        ("a.csv", b"input,output,input\na,b,c\n", "names two of them once"),
        ("a.csv", b"input,output\na, b,c\n", "a.csv:2: 3 cells, expected 2"),
        ("a.csv", b'input,output\na,b\n"c,d\n', "a.csv:3: not CSV"),
        ("a.csv", b"input,output\na,\n", "a.csv:2: `output` is empty"),
    ],
)
def test_odd_files_say_what_is_wrong(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TaskError, match=says):
        read_examples(tmp_path / name)


def test_what_is_typed_is_named_by_its_line():
    assert [(w, e.output) for w, e in parse_examples("a => b\n\nc => d")] == [
        ("example line 1", "b"),
        ("example line 3", "d"),
    ]
    with pytest.raises(TaskError, match="example line 2: found 0 arrows"):
        parse_examples("a => b\nc")


@pytest.mark.parametrize("text", ["wolf => wolves", "wolf=>wolves", '{"input": "wolf", "output": "wolves"}'])
def test_one_example_on_the_command_line(text):
    assert read_shot(text) == ("wolf", "wolves")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" ", "is empty"),
        ("wolf", "found 0 arrows"),
        ("a => b => c", "found 2 arrows"),
        ("a => ", "found 0 arrows|`output` is empty"),
        ('{"input": "a"}', "`output` is missing"),
        ('{"input": "a", "output": "b", "choices": ["b"]}', "and no others"),
    ],
)
def test_an_example_that_cannot_be_read(text, says):
    with pytest.raises(TaskError, match=says):
        read_shot(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", 'two words\n\n  {"input": "a b"}\n{not json\n{"key": 1}\n'),
        (
            "a.jsonl",
            '{"input": "two words"}\n{"prompt": "a b", "completion": "x"}\n{"text": "{not json"}\n'
            '{"input": "{\\"key\\": 1}"}\n',
        ),
        ("a.json", '[{"input": "two words"}, {"input": "a b"}, {"input": "{not json"}, {"input": "{\\"key\\": 1}"}]'),
        ("a.csv", 'id,text\n1,two words\n2,a b\n3,{not json\n4,"{""key"": 1}"\n'),
    ],
)
def test_inputs_without_answers_are_read_in_any_form(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    assert read_inputs(path) == ("two words", "a b", "{not json", '{"key": 1}')


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.txt", " \n", "holds no input"),
        ("a.jsonl", '{"input": "a"}\nb', "a.jsonl:2: "),
        ("a.jsonl", '{"inptu": "a"}', "`input` is missing"),
        ("a.jsonl", '{"input": 3}', "`input` is a number"),
        ("a.json", '[{"input": "a"}, "b", 3]', "item 3: a number, expected an object"),
        ("a.csv", "a,b\n1,2", "names one of them once: input, instruction, prompt"),
        ("a.csv", "input,b\n1", "1 cells, expected 2"),
    ],
)
def test_inputs_that_cannot_be_read_are_named(tmp_path, name, text, says):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(TaskError) as err:
        read_inputs(path)
    assert says in str(err.value) and name in str(err.value)

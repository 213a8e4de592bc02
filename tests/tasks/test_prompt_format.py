"""prompt.json: what it holds, that it is read as it was written, and what is refused."""

import json

import pytest

from genlora.errors import ManifestError
from genlora.tasks._prompt_format import BARE, PromptFormat

FORMAT = PromptFormat.of("Is it even? Answer yes or no.", [("2", "yes"), ("3", "no")])


def test_messages_put_the_description_once_before_the_first_input():
    assert FORMAT.messages("4") == [
        {"role": "user", "content": "Is it even? Answer yes or no.\n2"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "3"},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": "4"},
    ]
    assert PromptFormat("Plural.").messages("wolf") == [{"role": "user", "content": "Plural.\nwolf"}]
    assert BARE.messages("wolf") == [{"role": "user", "content": "wolf"}] and BARE.is_bare


def test_the_form_comes_from_the_description_and_its_examples():
    assert FORMAT.answer_form is not None and FORMAT.answer_form.labels == ("yes", "no")
    assert PromptFormat.of("Give the plural.").answer_form is None
    long = PromptFormat.of(None, [("a", "b" * 300)])
    assert long.max_tokens == 600 and not long.is_bare


@pytest.mark.parametrize("made", [FORMAT, BARE, PromptFormat("Ünïcode “x”", (("a\nb", "c"),), ("\n",), 9)])
def test_same_bytes_and_back(made):
    data = made.to_bytes()
    assert PromptFormat.from_bytes(data) == made
    assert PromptFormat.from_bytes(data).to_bytes() == data


def test_other_programs_find_the_regular_expression():
    written = json.loads(FORMAT.to_bytes())
    assert written["answer_form"] == {"kind": "labels", "labels": ["yes", "no"], "regex": "(?:yes|no)"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version 2, expected 1. A newer genlora"),
        ({"version": True}, "version True, expected 1"),
        ({"extra": 1}, "key 'extra' is missing or not known"),
        ({"stop": None}, "`stop` is not a list of texts"),
        ({"stop": ["a"] * 5}, "expected at most 8 and 4"),
        ({"stop": [""]}, "is empty"),
        ({"description": 7}, "`description` is neither text nor null"),
        ({"description": "x" * 4001}, "has 4,001 characters"),
        ({"description": ""}, "is empty"),
        ({"examples": [{"input": "a"}]}, "example 1 is not an object"),
        ({"examples": [{"input": "a", "output": "b"}] * 9}, "9 examples"),
        ({"examples": [{"input": "a", "output": " "}]}, "is empty"),
        ({"max_tokens": 0}, "max_tokens 0, expected 1 to"),
        ({"max_tokens": "9"}, "`max_tokens` is not a whole number"),
        ({"answer_form": {"kind": "haiku"}}, "expected one of labels"),
        ({"answer_form": 3}, "expected an object"),
    ],
)
def test_bad_files_are_refused(change, says):
    data = json.dumps({**json.loads(FORMAT.to_bytes()), **change}).encode()
    with pytest.raises(ManifestError) as refused:
        PromptFormat.from_bytes(data, where="folder/prompt.json")
    assert says in str(refused.value) and "prompt.json" in str(refused.value)
    assert str(refused.value).count("prompt.json") == 1


def test_what_is_no_json_is_refused():
    with pytest.raises(ManifestError, match="not strict JSON"):
        PromptFormat.from_bytes(b"{", where="x/prompt.json")
    with pytest.raises(ManifestError, match="expected an object"):
        PromptFormat.from_bytes(b"[]", where="x/prompt.json")

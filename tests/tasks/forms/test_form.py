"""The value: what it allows, how it is written down, and that every writing is the same language."""

import json
import re

import pytest

from genlora.errors import ManifestError
from genlora.tasks.forms import AnswerForm, form_shown

FORMS = {
    "labels": (AnswerForm("labels", labels=("yes", "no", "n/a (none)")), ["yes", "n/a (none)"], ["Yes", "yesno", ""]),
    "integer": (AnswerForm("integer"), ["0", "-12"], ["1.5", "one", "1 "[:0]]),
    "number": (AnswerForm("number"), ["3", "1,200.50", "-0.1", "12%"], ["12 %", ".5"]),
    "date": (AnswerForm("pattern", pattern="YYYY-MM-DD"), ["1999-12-31"], ["1999-12-32", "99-12-31"]),
    "time": (AnswerForm("pattern", pattern="HH:mm"), ["23:59"], ["23:60", "3:05"]),
    "digits": (AnswerForm("pattern", pattern="NNN"), ["007"], ["7"]),
    "key": (
        AnswerForm("text", keys=("a",)),
        ['{"a": "x\\"y"}', '{"a":null}', '{"a": 1.5}'],
        ['{"a": [1]}', '{"b": 1}'],
    ),
    "keys": (AnswerForm("text", keys=("a", "b")), ['{"a": 1, "b": ["x", 2]}'], ['{"a": 1}', '{"a": 1, "b": {}}']),
    "label in JSON": (
        AnswerForm("labels", labels=("1", "0"), keys=("ok",)),
        ['{"ok": 1}', '{"ok": "0"}'],
        ['{"ok": 2}'],
    ),
    "tag": (AnswerForm("text", before="<a>", after="</a>"), ["<a>x < y</a>"], ["<a>x", "x", "<a> x</a>"]),
    "spaced": (AnswerForm("number", after="kg", spaced=True), ["5kg", "5 kg"], ["5  kg", "5"]),
    "quotes": (AnswerForm("text", before='"', after='"'), ['"a b"'], ['"a"b"', '""']),
    "key value": (AnswerForm("integer", before="n="), ["n=5"], ["n= 5", "5"]),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_legal(name):
    form, legal, illegal = FORMS[name]
    assert [a for a in legal if not form.legal(a)] == []
    assert [a for a in illegal if form.legal(a)] == []
    assert form.legal(f"  {legal[0]}\n")


@pytest.mark.parametrize("name", FORMS)
def test_saved_and_read_again(name):
    form = FORMS[name][0]
    assert AnswerForm.from_json(json.loads(json.dumps(form.to_json()))) == form
    assert form.summary()


@pytest.mark.parametrize("name", FORMS)
def test_llguidance_reads_the_same_language(name):
    import llguidance

    form, legal, illegal = FORMS[name]
    tokens = [bytes([i]) for i in range(256)] + [b"<eos>"]

    class Bytes:
        eos_token_id, bos_token_id, special_token_ids = 256, None, [256]

        def __init__(self):
            self.tokens = tokens

        def __call__(self, text):
            return list(text if isinstance(text, bytes) else text.encode())

    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Bytes()))
    grammar = llguidance.LLMatcher.grammar_from_regex(form.regex)
    for answer, right in [*((a, True) for a in legal), *((a, False) for a in illegal)]:
        matcher = llguidance.LLMatcher(tokenizer, grammar)
        assert not matcher.get_error()
        took = matcher.try_consume_tokens(list(answer.encode()))
        whole = took == len(answer.encode()) and matcher.is_accepting()
        assert whole == right, answer


def test_gbnf_says_the_same():
    """That llama.cpp reads every one of them is tested with its own server, in tests/push."""
    assert FORMS["labels"][0].gbnf == 'root ::= ("yes" | "no" | "n/a (none)")\n'
    assert FORMS["integer"][0].gbnf == 'root ::= "-"? [0-9]{1,18}\n'
    assert AnswerForm("labels", labels=('a"b', "c\\d")).gbnf == 'root ::= ("a\\"b" | "c\\\\d")\n'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "expected an object"),
        ({"kind": "labels"}, "needs its own field"),
        ({"kind": "sonnet"}, "expected one of labels"),
        ({"kind": "text"}, "any text is no form"),
        ({"kind": "labels", "labels": ["a", "a"]}, "different ones"),
        ({"kind": "labels", "labels": "ab"}, "not a list of texts"),
        ({"kind": "labels", "labels": ["a", " b"]}, "has space at an end"),
        ({"kind": "labels", "labels": [f"l{i}" for i in range(65)]}, "at most 64"),
        ({"kind": "integer", "labels": ["a"]}, "no other's"),
        ({"kind": "integer", "before": "x" * 61}, "over 60"),
        ({"kind": "integer", "before": "a\x07"}, "control characters"),
        ({"kind": "integer", "keys": ["a", "b"]}, "any values"),
        ({"kind": "integer", "before": 3}, "`before` is not text"),
        ({"kind": "integer", "spaced": 1}, "not true or false"),
        ({"kind": "integer", "regexp": "x"}, "'regexp' is not known"),
    ],
)
def test_bad_forms_are_refused(data, says):
    with pytest.raises(ManifestError, match=re.escape(says)):
        AnswerForm.from_json(data)


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (["1", "22", "-3"], "integer"),
        (["1.5", "2", "7%"], "number"),
        (["001", "042", "930"], "pattern NNN"),
        (["2024-01-31", "1999-12-01", "2000-02-02"], "pattern YYYY-MM-DD"),
        (["13/01/2024", "05/02/2024", "07/03/2024"], "pattern DD/MM/YYYY"),
        (["01/02/2024", "05/02/2024", "07/03/2024"], "pattern NN/NN/NNNN"),
        (['{"a": 1}', '{"a": "x"}', '{"a": null}'], "text"),
        (["yes"] * 6 + ["no"] * 6, "labels"),
        (["yes"] * 11 + ["no"], ""),
        (["yes", "no", "yes"], ""),
        (["1", "2"], ""),
        (["a", "b", "c"], ""),
        (['{"a": 1}', '{"b": 1}', '{"a": 2}'], ""),
        (["{", "{}", "{x}"], ""),
    ],
)
def test_what_examples_show(answers, kind):
    form = form_shown(answers)
    assert ("" if form is None else f"{form.kind} {form.pattern}".strip()) == kind

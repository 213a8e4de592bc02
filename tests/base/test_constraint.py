"""Held answers: greedy decoding under a grammar gives legal answers, the most likely ones, on every tokenizer."""

import json
import re

import pytest
import torch

from genlora.base import Constraint, Grammars, decode_text, generate_greedy, hold_logits, load_base
from genlora.errors import ConfigError
from genlora.tasks import prompt_ids

INPUTS = ["one", "the pear and the fig", "a", "in on in on " * 4, "?"]


@pytest.fixture(scope="module", params=["llama", "gemma3"])
def base(request, tiny_base):
    return load_base(str(tiny_base(request.param)), attn_implementation="eager")


def held(base, constraint, tokens=40):
    prompts = [prompt_ids(base.tokenizer, x) for x in INPUTS]
    found = generate_greedy(base, prompts, max_new_tokens=tokens, constraint=constraint)
    return [list(c.tokens) for c in found]


@pytest.mark.parametrize(
    "pattern", ["(?:yes|no)", "-?[0-9]{1,4}", "<a>[^<\\n]{1,6}</a>", "[0-9]{4}-[0-9]{2}", "(?:здрав|ой|日本)"]
)
def test_every_answer_is_legal(base, pattern):
    for ids in held(base, Constraint(regex=pattern)):
        text = base.tokenizer.decode(ids)
        assert re.fullmatch(pattern, text), text


def test_the_answer_is_the_most_likely_legal_one(base):
    """Of a choice between single tokens, the one with the highest logit."""
    options = [chr(c) for c in range(ord("a"), ord("z"))]
    prompt = prompt_ids(base.tokenizer, "the pear")
    logits = base.model(input_ids=torch.tensor([prompt])).logits[0, -1]
    best = max(options, key=lambda x: float(logits[base.tokenizer.convert_tokens_to_ids(x)]))
    (found,) = generate_greedy(base, [prompt], max_new_tokens=4, constraint=Constraint.choice(options))
    assert decode_text(base.tokenizer, found.tokens) == best


def test_answers_are_rated_among_legal_ones(base):
    constraint = Constraint.choice(["one", "other", "on"])
    prompts = [prompt_ids(base.tokenizer, x) for x in INPUTS]
    found = generate_greedy(base, prompts, max_new_tokens=20, constraint=constraint)
    assert all(c.ended and 0 < c.confidence <= 1 for c in found)
    sure = generate_greedy(base, prompts, max_new_tokens=20, constraint=Constraint.choice(["the"]))
    assert all(c.confidence > 0.05 for c in sure)  # other spellings of the same text share the rest


def test_json_is_valid_and_compact(base):
    schema = {
        "type": "object",
        "properties": {"n": {"enum": [1, 2, 30]}, "ok": {"type": "boolean"}},
        "required": ["n", "ok"],
        "additionalProperties": False,
    }
    for ids in held(base, Constraint.json_schema(schema)):
        text = base.tokenizer.decode(ids)
        found = json.loads(text)
        assert set(found) == {"n", "ok"} and text == json.dumps(found)


def test_a_cut_answer_begins_like_a_legal_one(base):
    for ids in held(base, Constraint(regex="abcdefgh"), 3):
        assert "abcdefgh".startswith(base.tokenizer.decode(ids))


def test_rows_that_are_not_held_stay_as_they_are(base):
    grammars = Grammars.of(base)
    assert Grammars.of(base) is grammars
    logits = torch.randn(3, base.model.get_output_embeddings().weight.shape[0])
    one = grammars.hold(Constraint.choice(["yes"]))
    out = hold_logits(logits, [None, one, None])
    assert torch.equal(out[[0, 2]], logits[[0, 2]])
    legal = torch.isfinite(out[1])
    assert 0 < int(legal.sum()) < 5 and torch.equal(out[1][legal], logits[1][legal])
    assert hold_logits(logits, [None, None, None]) is logits


def test_an_answer_that_nothing_can_follow_is_whole(base):
    held = Grammars.of(base).hold(Constraint.choice(["ab", "abc"]))
    for letter, whole in (("a", False), ("b", False), ("c", True)):
        assert not held.whole
        held.take(base.tokenizer.convert_tokens_to_ids(letter))
        assert held.whole == whole and not held.fault
    prompts = [prompt_ids(base.tokenizer, "the pear")]
    constraint = Constraint.choice(["cat"])
    (found,) = generate_greedy(base, prompts, stop_ids=(), constraint=constraint)
    assert found.ended and base.tokenizer.decode(list(found.tokens)) == "cat" and len(found.tokens) <= 3


def test_two_answers_of_one_grammar_do_not_disturb_each_other(base):
    constraint = Constraint.choice(["ab", "cd"])
    one, two = (Grammars.of(base).hold(constraint) for _ in range(2))
    one.take(base.tokenizer.convert_tokens_to_ids("a"))
    assert two.allowed()[base.tokenizer.convert_tokens_to_ids("c")]
    assert not one.allowed()[base.tokenizer.convert_tokens_to_ids("c")]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Constraint(), "either a regular expression or a JSON schema"),
        (lambda: Constraint(regex="a", schema="{}"), "either a regular expression or a JSON schema"),
        (lambda: Constraint.choice([]), "a choice needs options"),
        (lambda: Constraint.choice(["a", ""]), "a choice needs options"),
        (lambda: Constraint(regex="a" * 70_000), "70,000 characters, expected at most 65,536"),
    ],
)
def test_what_is_no_constraint(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


@pytest.mark.parametrize(
    ("constraint", "what"),
    [
        (Constraint(regex="(a"), "regular expression"),
        (Constraint(regex="(?=a)b"), "regular expression"),
        (Constraint(schema="[1"), "JSON schema"),
        (Constraint(schema='{"type": "banana"}'), "JSON schema"),
        (Constraint(schema='{"$ref": "http://example.com/x"}'), "JSON schema"),
    ],
)
def test_what_cannot_be_compiled_says_so(base, constraint, what):
    with pytest.raises(ConfigError, match=f"the {what} for the answer cannot be used"):
        held(base, constraint)

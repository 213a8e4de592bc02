"""What request bodies may say: neutral values and echoed messages pass, faults are named as the client spelled them."""

import json

import pytest

from genlora.serve import HttpSettings, Limits
from genlora.serve._errors import ApiError
from genlora.serve.entrance._caller import Caller
from genlora.serve.protocol._schema import AdapterChange, AdapterRequest, ChatRequest, CompletionRequest, parse

USER = {"role": "user", "content": "a"}
F = '{"name": "f", "arguments": {}}'
"""A call, as the model would have written it."""


def chat(caller=None, **body):
    found = json.dumps({"model": "base", "messages": [USER], **body}).encode()
    return parse(found, ChatRequest, caller or Caller("req-1"))


def complete(**body):
    return parse(json.dumps({"model": "base", **body}).encode(), CompletionRequest, Caller("req-1"))


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        ({"content": "b", "refusal": None}, "b"),  # the server's own message
        (
            {
                "content": "b",
                "refusal": None,
                "annotations": None,
                "audio": None,
                "function_call": None,
                "tool_calls": None,
            },
            "b",
        ),
        ({"content": "b", "tool_calls": [], "annotations": [], "reasoning_content": "hm", "id": "msg_1"}, "b"),
        ({"content": None}, ""),
        ({}, ""),
        ({"content": None, "refusal": "No."}, "No."),
        ({"content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]}, "b"),
        ({"content": [{"type": "output_text", "text": "b"}, {"type": "refusal", "refusal": "No."}]}, "bNo."),
        ({"content": "b", "parsed": {"a": 1}, "reasoning_details": [], "thinking_blocks": [{"type": "x"}]}, "b"),
        ({"content": None, "tool_calls": [{"id": "1", "index": 0, "function": {"name": "f", "arguments": None}}]}, F),
        ({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, F),
    ],
)
def test_an_assistant_s_turn_comes_back_as_it_was_given_out(turn, text):
    asked = chat(messages=[USER, {"role": "assistant", **turn}, USER])
    assert [m.text for m in asked.messages] == ["a", text, "a"]


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content", "valid string, or input should be a"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text", "required"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages.0.content.0", "should be an object"),
        ({"messages": [USER, {"role": "user"}]}, "messages.1", "content is missing"),
        ({"messages": [{"role": "usr", "content": "a"}]}, "messages.0.role", "'system', 'developer'"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}]},
            "messages.0.content.1.type",
            "should be 'text'",
        ),
        ({"messages": 5}, "messages", "valid list"),
        ({"stop": ["a", 5]}, "stop.1", "valid string"),
        ({"stop": 5}, "stop", "valid string, or input should be a valid list"),
    ],
)
def test_a_fault_is_named_as_the_client_spelled_it(body, param, says):
    with pytest.raises(ApiError) as caught:
        chat(**body)
    assert caught.value.param == param
    assert caught.value.message.startswith(f"{param}: ") and says in caught.value.message
    assert "Part" not in caught.value.message and "Value error" not in caught.value.message


@pytest.mark.parametrize(("prompt", "param"), [({"a": 1}, "prompt"), (["a", 1], "prompt.1"), (None, "prompt")])
def test_a_union_s_members_are_not_named(prompt, param):
    with pytest.raises(ApiError) as caught:
        complete(prompt=prompt)
    assert caught.value.param == param


def test_what_asks_for_nothing_is_no_error_and_told_if_nobody_knows_it():
    nulls = dict.fromkeys(
        (
            "stop",
            "seed",
            "logprobs",
            "top_p",
            "temperature",
            "tools",
            "response_format",
            "stream",
            "n",
            "logit_bias",
            "user",
            "suffix",
            "reasoning_effort",
        )
    )
    neutral = {
        "n": 1,
        "presence_penalty": 0,
        "tools": [],
        "modalities": ["text"],
        "use_beam_search": False,
        "skip_special_tokens": True,
        "max_tokens": -1,
        "store": True,
        "metadata": {"a": "b"},
    }
    for body in (nulls, neutral):
        caller = Caller("req-1")
        assert chat(caller, **body).max_tokens is None and caller.warning == ""
    caller = Caller("req-1")
    turn = {**USER, "colour": "red"}
    chat(caller, messages=[turn], musing=None, flavour="", mirostat=0, logits_all=False, extra_keys=[], a={})
    told = "musing, flavour, mirostat, logits_all, extra_keys, a, messages.0.colour"
    assert caller.warning == f"ignored unknown fields: {told}"


@pytest.mark.parametrize(
    "body",
    [
        {"stream_options": {"include_usage": None}},
        {"stream_options": {"include_usage": False, "continuous_usage_stats": False}},
        {"response_format": {"type": "text", "json_schema": None, "schema": None}},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"thinking": {"type": "disabled"}},
        {"messages": [USER, {"role": "tool", "tool_call_id": "1", "content": None}]},
        {"messages": [USER, {"role": "function", "name": "f", "content": "4"}]},
    ],
)
def test_objects_inside_may_hold_what_asks_for_nothing_too(body):
    asked = chat(**body)
    assert not asked.usage_wanted and asked.constraint() is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"stream_options": {"include_usage": True, "each_chunk": True}}, "stream_options.each_chunk"),
        ({"response_format": {"type": "json_object", "schema": {"type": "object"}}}, "response_format.schema"),
        ({"chat_template_kwargs": {"enable_thinking": True}}, "chat_template_kwargs"),
        ({"thinking": {"type": "enabled"}}, "thinking"),
        ({"options": {"temperature": 0}}, "options"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0"),
    ],
)
def test_what_asks_for_something_inside_an_object_is_refused(body, param):
    with pytest.raises(ApiError) as caught:
        chat(**body)
    assert caught.value.param == param


def test_null_stands_for_the_default_of_a_field():
    empty = {"description": "a", "shots": None, "seed": None, "background": None}
    assert parse(json.dumps(empty).encode(), AdapterRequest, Caller("r")) == parse(
        b'{"description": "a"}', AdapterRequest, Caller("r")
    )
    change = parse(b'{"name": null}', AdapterChange, Caller("r"))
    assert change.model_fields_set == {"name"}, "there null takes a name away"


def test_a_header_never_holds_what_a_name_could_smuggle():
    caller = Caller("req-1")
    chat(caller, **{"a\r\nX-Evil: 1": None, "\u202e": 0, "fine": None})
    assert caller.warning == "ignored unknown fields: (a name with other signs), fine"
    chat(caller, **{f"field{i}": None for i in range(5000)})
    assert len(caller.warning) < 400 and caller.warning.endswith("field15, ...")


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ({"temprature": 0.5}, "temprature", "Did you mean 'temperature'"),
        ({"mirostat": 2}, "mirostat", "Is it spelled right"),
        ({"tools": [{}]}, "tools.0.type", "required"),
        ({"functions": [{}]}, "functions", "not supported"),
        ({"suffix": "x"}, "suffix", "not supported"),
        ({"n": 2, "best_of": 3}, "best_of", "Leave it out"),
        ({"n": 0}, "n", "greater than or equal to 1"),
        ({"max_tokens": 0}, "max_tokens", "one token or more"),
        ({"presence_penalty": 3}, "presence_penalty", "less than or equal to 2"),
        ({"logit_bias": {"x": 1}}, "logit_bias", "not the id of a token"),
        ({"logit_bias": {"5": 101}}, "logit_bias", "between -100 and 100"),
        ({"min_p": 1.5}, "min_p", "less than or equal to 1"),
        ({"continue_final_message": True}, "continue_final_message", "not the assistant's"),
        ({"top_logprobs": 2}, "top_logprobs", "needs logprobs"),
    ],
)
def test_what_cannot_be_done_is_said(body, param, says):
    with pytest.raises(ApiError) as caught:
        asked = chat(**body)
        asked.sampling(HttpSettings())
        _ = asked.answers, asked.goes_on
    assert caught.value.param == param and says in caught.value.message and caught.value.status == 400


def test_whether_an_answer_goes_on_with_the_last_message():
    said = [USER, {"role": "assistant", "content": "b"}]
    assert (
        not chat().goes_on and chat(messages=said).goes_on and chat(messages=said, continue_final_message=True).goes_on
    )
    assert not chat(messages=said, add_generation_prompt=True).goes_on
    assert not chat(messages=said, continue_final_message=False).goes_on


def test_a_completion_s_prompts():
    limits = Limits(answers=4)
    for prompt, found in (("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]])):
        assert complete(prompt=prompt).prompts(limits) == found
    for body, param in (({"prompt": "a", "n": 5}, "n"), ({"prompt": ["a"] * 3, "n": 2}, "prompt")):
        with pytest.raises(ApiError, match="at most 4") as caught:
            complete(**body).prompts(limits)
        assert caught.value.param == param
    rated = complete(prompt="a", echo=True, logprobs=2, max_tokens=0).sampling(HttpSettings())
    assert rated.prompt_logprobs == 2 and rated.max_tokens == 0
    with pytest.raises(ApiError, match="gives nothing without echo"):
        complete(prompt="a", max_tokens=0, logprobs=1).sampling(HttpSettings())

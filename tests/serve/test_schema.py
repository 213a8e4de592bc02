"""What request bodies may say: neutral values and echoed messages pass, faults are named as the client spelled them."""

import json

import pytest

from genlora.serve._errors import ApiError
from genlora.serve._schema import ChatRequest, CompletionRequest, parse

USER = {"role": "user", "content": "a"}


def chat(**body):
    return parse(json.dumps({"model": "base", "messages": [USER], **body}).encode(), ChatRequest)


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        ({"content": "b", "refusal": None}, "b"),  # the server's own message
        (
            {"content": "b", "refusal": None, "annotations": None, "audio": None, "function_call": None,
             "tool_calls": None}, "b",
        ),
        ({"content": "b", "tool_calls": [], "annotations": [], "reasoning_content": "hm", "id": "msg_1"}, "b"),
        ({"content": None}, ""),
        ({}, ""),
        ({"content": None, "refusal": "No."}, "No."),
        ({"content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]}, "b"),
        ({"content": [{"type": "output_text", "text": "b"}, {"type": "refusal", "refusal": "No."}]}, "bNo."),
    ],
)  # fmt: skip
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
            "messages.0.content.1.type", "should be 'text'",
        ),
        ({"messages": 5}, "messages", "valid list"),
        ({"stop": ["a", 5]}, "stop.1", "valid string"),
        ({"stop": 5}, "stop", "valid string, or input should be a valid list"),
    ],
)  # fmt: skip
def test_a_fault_is_named_as_the_client_spelled_it(body, param, says):
    with pytest.raises(ApiError) as caught:
        chat(**body)
    assert caught.value.param == param
    assert caught.value.message.startswith(f"{param}: ") and says in caught.value.message
    assert "Part" not in caught.value.message and "Value error" not in caught.value.message


@pytest.mark.parametrize(("prompt", "param"), [({"a": 1}, "prompt"), (["a", 1], "prompt.1"), (None, "prompt")])
def test_a_union_s_members_are_not_named(prompt, param):
    with pytest.raises(ApiError) as caught:
        parse(json.dumps({"model": "base", "prompt": prompt}).encode(), CompletionRequest)
    assert caught.value.param == param

"""Functions that the model may call, with the official client: calls are valid, come back, and go on."""

import json

import openai
import pytest

from genlora.serve._errors import ApiError
from genlora.serve.protocol._tools import Calls, Tool

pytestmark = pytest.mark.usefixtures("allow_sockets")

ASKED = [{"role": "user", "content": "Rome?"}]
UNIT = {"enum": ["c", "f"]}
WEATHER = {
    "type": "object",
    "properties": {"n": {"enum": [1, 2, 3]}, "u": {"$ref": "#/$defs/U"}},
    "required": ["n", "u"],
    "additionalProperties": False,
    "$defs": {"U": UNIT},
}


def tool(name, parameters=None):
    return {"type": "function", "function": {"name": name, **({"parameters": parameters} if parameters else {})}}


TOOLS = [tool("weather", WEATHER), tool("stop")]
NAMED = {"type": "function", "function": {"name": "weather"}}


@pytest.fixture
def client(served):
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as found:
        yield found


def check(call):
    assert call.type == "function" and call.id.startswith("call_")
    said = json.loads(call.function.arguments)
    if call.function.name == "weather":
        assert said["n"] in (1, 2, 3) and said["u"] in UNIT["enum"] and len(said) == 2
    else:
        assert call.function.name == "stop" and said == {}


@pytest.mark.parametrize("choice", ["required", NAMED])
@pytest.mark.parametrize("model", ["base", "plural"])
def test_a_call_that_has_to_be_is_valid_and_the_conversation_goes_on(client, model, choice):
    options = {"model": model, "tools": TOOLS, "max_tokens": 80}
    (found,) = client.chat.completions.create(messages=ASKED, tool_choice=choice, **options).choices
    (call,) = found.message.tool_calls
    assert found.finish_reason == "tool_calls" and found.message.content is None
    check(call)
    for seed in range(3):
        drawn = client.chat.completions.create(
            messages=ASKED, tool_choice=choice, temperature=1.5, seed=seed, **options
        )
        check(drawn.choices[0].message.tool_calls[0])
    told = [*ASKED, found.message, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    end = client.chat.completions.create(model=model, messages=told, max_tokens=8).choices[0]
    assert end.message.content and end.finish_reason == "length"


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_streamed_call_is_the_same(client, choice):
    options = {"model": "base", "messages": ASKED, "tools": TOOLS, "tool_choice": choice, "max_tokens": 80}
    whole = client.chat.completions.create(**options).choices[0].message.tool_calls[0].function
    chunks = [c.choices[0] for c in client.chat.completions.create(stream=True, **options)]
    calls = [call for c in chunks for call in c.delta.tool_calls or ()]
    name = "".join(c.function.name or "" for c in calls)
    assert (name, "".join(c.function.arguments or "" for c in calls)) == (whole.name, whole.arguments)
    assert chunks[-1].finish_reason == "tool_calls" and not any(c.delta.content for c in chunks)


def test_where_the_model_may_choose_an_answer_stays_an_answer(client):
    options = {"model": "base", "messages": ASKED, "tools": TOOLS, "max_tokens": 8}
    (found,) = client.chat.completions.create(**options).choices
    assert found.message.content and found.message.tool_calls is None and found.finish_reason == "length"
    streamed = client.chat.completions.create(stream=True, **options)
    assert "".join(c.choices[0].delta.content or "" for c in streamed) == found.message.content
    plain = client.chat.completions.create(model="base", messages=ASKED, max_tokens=8).choices[0].message
    none = client.chat.completions.create(**options, tool_choice="none").choices[0].message
    assert none.content == plain.content, "told nothing of them"


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "rain"}}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOLS[1], TOOLS[1]]}, "tools"),
        ({"tools": [tool("a b")]}, "tools.0.function.name"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tools": [tool("f", {"type": "nonsense"})], "tool_choice": "required"}, None),
        ({"tools": TOOLS, "tool_choice": "required", "response_format": {"type": "json_object"}}, "tool_choice"),
    ],
)
def test_what_cannot_be_called_is_said(client, options, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="base", messages=ASKED, **options)
    assert caught.value.param == param


def calls_of(*tools, choice="auto"):
    return Calls.of([Tool.model_validate(t) for t in tools], choice)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"name": "stop", "arguments": {}}', ["stop"]),
        ('<tool_call>\n{"name": "stop", "arguments": {"a": 1}}\n</tool_call>', ["stop"]),
        ('[{"name": "stop", "arguments": {}}, {"name": "weather", "arguments": {"n": 1}}]', ["stop", "weather"]),
        ('{"name": "stop"}', ["stop"]),
        ('{"name": "rain", "arguments": {}}', []),
        ('[{"name": "stop"}, 3]', []),
        ('{"name": "stop", "arguments": "now"}', []),
        ('{"name": "stop", "arguments": {}} or so', []),
        ('{"name": "stop", "arg', []),
        ("21 degrees", []),
        ("[]", []),
        ("\ud800", []),
    ],
)
def test_which_answers_are_calls(text, found):
    assert [call.name for call in calls_of(*TOOLS).read(text)] == found


def test_parts_that_schemas_share_are_found_or_the_clash_is_told():
    other = {**WEATHER, "$defs": {"U": {"enum": ["k"]}}}
    assert json.loads(calls_of(*TOOLS, tool("again", WEATHER), choice="required").constraint().schema)["$defs"]
    with pytest.raises(ApiError, match="mean different things"):
        calls_of(*TOOLS, tool("again", other), choice="required").constraint()

"""Forms of answers over HTTP: response_format, guided_*, and what a generated adapter's bundle says."""

import json
import re

import httpx
import openai
import pytest

from genlora.tasks import PromptFormat

pytestmark = pytest.mark.usefixtures("allow_sockets")

ASKED = [{"role": "user", "content": "pear apple fig"}]
SCHEMA = {
    "type": "object",
    "properties": {"n": {"enum": [1, 2, 3]}, "ok": {"type": "boolean"}},
    "required": ["n", "ok"],
    "additionalProperties": False,
}


@pytest.fixture
def client(served):
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as found:
        yield found


def said(client, model="base", **options):
    found = client.chat.completions.create(model=model, messages=ASKED, max_tokens=60, **options)
    return found.choices[0].message.content, found.choices[0].finish_reason


@pytest.mark.parametrize("model", ["base", "plural"])
def test_a_json_schema_is_kept(client, model):
    schema = {"type": "json_schema", "json_schema": {"name": "found", "schema": SCHEMA, "strict": True}}
    text, reason = said(client, model, response_format=schema)
    assert reason == "stop" and set(json.loads(text)) == {"n", "ok"}
    drawn = [said(client, model, response_format=schema, temperature=1.5, seed=i)[0] for i in range(4)]
    assert all(json.loads(x)["n"] in (1, 2, 3) for x in drawn) and len(set(drawn)) > 1


def test_any_json_object(client):
    text, reason = said(client, response_format={"type": "json_object"}, temperature=0.7, seed=1)
    assert text.startswith("{") and (reason == "length" or isinstance(json.loads(text), dict))


def test_choices_and_patterns(client):
    assert said(client, extra_body={"guided_choice": ["north", "south"]})[0] in ("north", "south")
    assert re.fullmatch("[0-9]{3}", said(client, extra_body={"guided_regex": "[0-9]{3}"})[0])
    assert json.loads(said(client, extra_body={"guided_json": SCHEMA})[0])["n"] in (1, 2, 3)
    found = client.completions.create(model="base", prompt="one", max_tokens=30, extra_body={"guided_choice": ["two"]})
    assert found.choices[0].text == "two"


def test_a_stream_is_held_too(client):
    with client.chat.completions.create(
        model="plural", messages=ASKED, stream=True, extra_body={"guided_choice": ["north", "south"]}
    ) as stream:
        assert "".join(c.choices[0].delta.content or "" for c in stream if c.choices) in ("north", "south")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_object"}, "guided_choice": ["a"]}, "guided_choice"),
        ({"guided_regex": "(a"}, None),
        ({"guided_regex": "a" * 70_000}, "guided_regex"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_choice": [""]}, "guided_choice"),
        ({"guided_json": {"type": "banana"}}, None),
        ({"prompt_format": "loud"}, "prompt_format"),
    ],
)
def test_what_cannot_be_held_is_a_400(served, body, param):
    reply = httpx.post(f"{served.url}/v1/chat/completions", json={"model": "base", "messages": ASKED, **body})
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert param is None or param in (error.get("param") or "") or param in error["message"]


def test_a_generated_adapter_is_asked_as_its_bundle_says(served, client):
    made = httpx.post(
        f"{served.url}/v1/adapters",
        json={
            "description": "Is the number even? Answer yes or no.",
            "shots": [{"input": "2", "output": "yes"}],
        },
        timeout=60,
    )
    assert made.status_code in (200, 201), made.text
    card = made.json()
    assert card["prompt_format"]["answer_form"]["labels"] == ["yes", "no"]
    assert card["prompt_format"]["examples"] == [{"input": "2", "output": "yes"}]
    text, reason = said(client, card["id"])
    assert text in ("yes", "no") and reason == "stop"
    found = client.chat.completions.create(model=card["id"], messages=ASKED, max_tokens=5)
    format = PromptFormat.from_json(card["prompt_format"])
    tokenizer = served.engine.base.tokenizer
    assert found.usage.prompt_tokens == len(format.prompt_ids(tokenizer, ASKED[0]["content"]))
    before = served.engine.stats().shared_tokens
    assert said(client, card["id"])[0] == text
    assert served.engine.stats().shared_tokens > before
    bare, _ = said(client, card["id"], extra_body={"prompt_format": "bare"})
    assert bare not in ("yes", "no")
    held, _ = said(client, card["id"], extra_body={"guided_choice": ["perhaps"]})
    assert held == "perhaps"
    other = httpx.post(f"{served.url}/v1/adapters", json={"description": "Is the number even? Answer yes or no."})
    assert other.json()["id"] != card["id"]
    refused = httpx.post(
        f"{served.url}/v1/adapters", json={"description": "x y", "shots": [{"input": "", "output": "b"}]}
    )
    assert refused.status_code == 400 and "empty" in refused.text

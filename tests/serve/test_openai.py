"""The official openai client, unchanged, against a real server: what it gets is what the engine says."""

import asyncio

import httpx
import openai
import pytest

from genlora.engine import Sampling
from genlora.tasks import prompt_ids

pytestmark = pytest.mark.usefixtures("allow_sockets")

ASKED = [{"role": "user", "content": "pear apple fig"}]


@pytest.fixture
def client(served):
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as found:
        yield found


def direct(served, model: str, **options) -> str:
    """The engine's own answer, without HTTP."""
    prompt = prompt_ids(served.engine.base.tokenizer, ASKED[0]["content"])
    return served.engine.submit(prompt, Sampling(**options), adapter=served.library.find(model)).result(60).text


def test_chat_with_the_base_and_with_an_expert(served, client):
    said = {}
    for model in ("base", "plural", "sum"):
        found = client.chat.completions.create(model=model, messages=ASKED, max_tokens=12)
        said[model] = found.choices[0].message.content
        assert said[model] == direct(served, model, max_tokens=12)
        assert found.model == model and found.object == "chat.completion" and found.choices[0].finish_reason == "length"
        assert found.usage.completion_tokens == 12 and found.usage.total_tokens == found.usage.prompt_tokens + 12
        assert found.usage.prompt_tokens == len(prompt_ids(served.engine.base.tokenizer, "pear apple fig"))
    assert len(set(said.values())) == 3, "adapters must make a difference here"


@pytest.mark.parametrize("model", ["base", "plural"])
def test_a_streamed_chat_is_the_same_answer(served, client, model):
    with client.chat.completions.create(
        model=model, messages=ASKED, max_completion_tokens=40, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == direct(served, model, max_tokens=40)
    assert len(chunks) > 10, "it came in one piece"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"
    assert chunks[-1].usage.completion_tokens == 40 and not chunks[-1].choices
    assert len({c.id for c in chunks}) == 1


def test_a_conversation_goes_on_with_the_message_that_came_back(served, client):
    """The official loop: the message object itself is appended and sent back."""
    history = [*ASKED]
    for _ in range(3):
        found = client.chat.completions.create(model="plural", messages=history, max_tokens=6)
        history += [found.choices[0].message, {"role": "user", "content": "again"}]
    dumped = [m if isinstance(m, dict) else m.model_dump() for m in history]
    again = client.chat.completions.create(model="plural", messages=dumped, max_tokens=6)
    plain = [{"role": m["role"], "content": m["content"]} for m in dumped]
    assert (
        again.choices[0].message.content
        == client.chat.completions.create(model="plural", messages=plain, max_tokens=6).choices[0].message.content
    )


def test_without_asking_a_stream_has_no_usage(client):
    chunks = list(client.chat.completions.create(model="base", messages=ASKED, max_tokens=3, stream=True))
    assert all(c.usage is None and c.choices for c in chunks)


def test_completions_take_text_and_token_ids(served, client):
    text = "sort: pear apple"
    ids = served.engine.base.tokenizer(text)["input_ids"]
    one = client.completions.create(model="plural", prompt=text, max_tokens=9)
    for prompt in ([text], ids):
        assert (
            client.completions.create(model="plural", prompt=prompt, max_tokens=9).choices[0].text
            == one.choices[0].text
        )
    assert one.object == "text_completion" and one.usage.prompt_tokens == len(ids)
    streamed = client.completions.create(model="plural", prompt=text, max_tokens=9, stream=True)
    assert "".join(c.choices[0].text for c in streamed) == one.choices[0].text
    assert client.completions.create(model="base", prompt=text).usage.completion_tokens == 16  # OpenAI's default


def test_logprobs_are_the_engine_s(client):
    found = client.chat.completions.create(model="sum", messages=ASKED, max_tokens=5, logprobs=True, top_logprobs=3)
    tokens = found.choices[0].logprobs.content
    assert len(tokens) == 5
    for t in tokens:  # greedy: the chosen token is the most likely one
        assert t.logprob == t.top_logprobs[0].logprob <= 0 and len(t.top_logprobs) == 3
        assert bytes(t.bytes).decode() == t.token
    chunks = list(client.chat.completions.create(model="sum", messages=ASKED, max_tokens=5, logprobs=True, stream=True))
    streamed = [t.logprob for c in chunks if c.choices[0].logprobs for t in c.choices[0].logprobs.content]
    assert streamed == pytest.approx([t.logprob for t in tokens], abs=1e-4)
    text = client.completions.create(model="sum", prompt="a b", max_tokens=4, logprobs=2).choices[0].logprobs
    assert len(text.tokens) == len(text.token_logprobs) == len(text.text_offset) == 4
    assert all(len(top) <= 2 for top in text.top_logprobs) and text.text_offset[0] == 0


def test_a_stop_text_ends_the_answer_before_it(served, client):
    whole = direct(served, "sum", max_tokens=30)
    stop = whole[6:9]
    found = client.chat.completions.create(model="sum", messages=ASKED, max_tokens=30, stop=[stop, "never there"])
    assert found.choices[0].message.content == whole[: whole.index(stop)]
    assert found.choices[0].finish_reason == "stop"


def test_a_seed_draws_the_same_twice(client):
    def draw(seed):
        found = client.chat.completions.create(
            model="sum", messages=ASKED, max_tokens=16, temperature=1.2, top_p=0.95, seed=seed
        )
        return found.choices[0].message.content

    assert draw(7) == draw(7)
    assert len({draw(s) for s in range(4)}) > 1


def test_models_are_listed_and_found(client):
    names = [m.id for m in client.models.list()]
    assert names[0] == "base" and {"plural", "sum", "sort-words"} <= set(names)
    for name in names:  # the base's name has a slash in it
        assert client.models.retrieve(name).id == name
    with pytest.raises(openai.NotFoundError, match="no model here"):
        client.models.retrieve("plurall")


def test_a_description_becomes_a_model(served, client):
    made = client.post("/adapters", body={"description": "sort the given words"}, cast_to=httpx.Response).json()
    assert made["id"].startswith("genlora:") and "expected_accuracy" in made
    assert made["receipt"]["request"]["description"] == made["description"] == "sort the given words"
    found = client.chat.completions.create(model=made["id"], messages=ASKED, max_tokens=12)
    assert found.choices[0].message.content == direct(served, made["id"], max_tokens=12)
    assert made["id"] in [m.id for m in client.models.list()]


def test_the_async_client_streams_many_adapters_at_once(served):
    names = ["base", *served.lora.bank.names()]

    async def one(client, model):
        stream = await client.chat.completions.create(model=model, messages=ASKED, max_tokens=16, stream=True)
        return "".join([c.choices[0].delta.content or "" async for c in stream])

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(one(client, m) for m in names * 4))

    said = asyncio.run(all_of_them())
    assert said == [direct(served, m, max_tokens=16) for m in names] * 4


@pytest.mark.parametrize(
    ("options", "says", "param"),
    [
        ({"n": 2}, "n is not supported", "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools is not supported", "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format is not supported", "response_format"),
        ({"presence_penalty": 1.0}, "presence_penalty is not supported", "presence_penalty"),
        ({"logit_bias": {"5": 1}}, "logit_bias is not supported", "logit_bias"),
        ({"temperature": 3}, "temperature: input should be less than or equal to 2", "temperature"),
        ({"top_p": 0}, "top_p: input should be greater than 0", "top_p"),
        ({"max_tokens": 0}, "max_tokens: input should be greater than or equal to 1", "max_tokens"),
        ({"max_tokens": 5000}, "max_tokens is 5,000, this server allows at most 1,024", "max_tokens"),
        ({"top_logprobs": 2}, "top_logprobs needs logprobs", "top_logprobs"),
        ({"stop": ["x" * 300]}, "stop must hold at most 16 texts", "stop"),
        ({"messages": []}, "messages: list should have at least 1 item", "messages"),
        (
            {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]},
            "messages.0.role: input",
            "messages.0.role",
        ),
        ({"messages": [{"role": "user", "content": "word " * 600}]}, "this server holds 512 of prompt and", "messages"),
        ({"extra_body": {"temprature": 1}}, "unrecognized request argument: 'temprature'", "temprature"),
    ],
)
def test_what_is_wrong_is_said_in_openai_s_form(client, options, says, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": "base", "messages": ASKED, **options})
    assert says in caught.value.message
    assert caught.value.body["param"] == param and caught.value.body["type"] == "invalid_request_error"


def test_what_changes_nothing_is_accepted(client):
    neutral = {"n": 1, "user": "me", "metadata": {"a": "b"}, "presence_penalty": 0, "logit_bias": {}, "store": False}
    plain = client.chat.completions.create(model="base", messages=ASKED, max_tokens=6)
    parts = [{"role": "user", "content": [{"type": "text", "text": "pear "}, {"type": "text", "text": "apple fig"}]}]
    found = client.chat.completions.create(
        model="base", messages=parts, max_tokens=6, response_format={"type": "text"}, tool_choice="none", **neutral
    )
    assert found.choices[0].message.content == plain.choices[0].message.content


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError, match="did you mean plural") as caught:
        client.chat.completions.create(model="plurals", messages=ASKED)
    assert caught.value.body["code"] == "model_not_found" and caught.value.body["param"] == "model"
    with pytest.raises(openai.NotFoundError, match="POST /v1/adapters"):
        client.chat.completions.create(model="genlora:0123456789abcdef", messages=ASKED)

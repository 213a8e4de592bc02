"""The official openai client, unchanged, against a real server: what it gets is what the engine says."""

import asyncio
import json

import httpx
import openai
import pytest
import torch

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
    for prompt in ([text], ids, [ids]):
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
        assert t.token in (bytes(t.bytes).decode("utf-8", "replace"), f"bytes:\\x{t.bytes[0]:02x}")
        assert len({x.token for x in t.top_logprobs}) == 3
    content = found.choices[0].message.content
    assert b"".join(bytes(t.bytes) for t in tokens).decode("utf-8", "replace") == content
    chunks = list(client.chat.completions.create(model="sum", messages=ASKED, max_tokens=5, logprobs=True, stream=True))
    streamed = [t.logprob for c in chunks if c.choices[0].logprobs for t in c.choices[0].logprobs.content]
    assert streamed == pytest.approx([t.logprob for t in tokens], abs=1e-4)
    text = client.completions.create(model="sum", prompt="a b", max_tokens=4, logprobs=2).choices[0].logprobs
    assert len(text.tokens) == len(text.token_logprobs) == len(text.text_offset) == 4
    assert all(t in top for t, top in zip(text.tokens, text.top_logprobs, strict=True)), "greedy: it is the likeliest"
    assert all(len(top) == 2 for top in text.top_logprobs) and text.text_offset[0] == 0


def test_parts_of_characters_are_their_own_bytes(served, client):
    """The tiny base's tokens are bytes: a bias makes it say an emoji, four tokens that are no text by themselves."""
    tokenizer = served.engine.base.tokenizer
    ids = tokenizer("\U0001f642", add_special_tokens=False)["input_ids"]
    assert len(ids) == 4
    asked = {"model": "base", "prompt": ids * 3, "max_tokens": 0, "echo": True, "logprobs": 3}
    found = client.completions.create(**asked).choices[0]
    rated = found.logprobs
    assert found.text == "\U0001f642" * 3 and found.finish_reason == "length"
    assert rated.text_offset == [0] * 4 + [1] * 4 + [2] * 4
    assert rated.tokens[:4] == [f"bytes:\\x{b:02x}" for b in "\U0001f642".encode()]
    assert rated.token_logprobs[0] is None and rated.top_logprobs[0] is None
    assert all(len(top) == 3 for top in rated.top_logprobs[1:]), "alternatives stay apart"


def test_echo_with_logprobs_rates_the_prompt_as_the_model_does(served, client):
    text = "sort: pear apple"
    ids = served.engine.base.tokenizer(text)["input_ids"]
    with torch.inference_mode():
        logp = served.engine.base.model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    wanted = [float(logp[i, t]) for i, t in enumerate(ids[1:])]
    for prompt in (text, ids):
        found = client.completions.create(model="base", prompt=prompt, max_tokens=2, echo=True, logprobs=1).choices[0]
        assert found.logprobs.token_logprobs[0] is None
        assert found.logprobs.token_logprobs[1 : len(ids)] == pytest.approx(wanted, abs=1e-3)
        assert len(found.logprobs.tokens) == len(ids) + 2 and text in found.text
        for token, at in zip(found.logprobs.tokens, found.logprobs.text_offset, strict=True):
            assert token.startswith("bytes:") or found.text[at:].startswith(token)
    plain = client.completions.create(model="base", prompt=text, max_tokens=2, echo=True).choices[0]
    assert plain.text == found.text and plain.logprobs is None
    chunks = list(
        client.completions.create(model="base", prompt=text, max_tokens=2, echo=True, logprobs=1, stream=True)
    )
    assert "".join(c.choices[0].text for c in chunks) == plain.text
    assert sum(len(c.choices[0].logprobs.tokens) for c in chunks if c.choices[0].logprobs) == len(ids) + 2


def test_several_answers_and_several_prompts_at_once(served, client):
    drawn = client.chat.completions.create(model="sum", messages=ASKED, n=3, max_tokens=8, temperature=1.2, seed=5)
    texts = [c.message.content for c in drawn.choices]
    assert [c.index for c in drawn.choices] == [0, 1, 2] and len(set(texts)) == 3
    assert drawn.usage.completion_tokens == 24 and drawn.usage.prompt_tokens < 60
    prompts = ["a b", "c d e", "f"]
    each = [client.completions.create(model="sum", prompt=p, max_tokens=6).choices[0].text for p in prompts]
    found = client.completions.create(model="sum", prompt=prompts, max_tokens=6)
    assert [c.text for c in found.choices] == each
    twice = client.completions.create(
        model="sum", prompt=prompts, n=2, max_tokens=6, stream=True, stream_options={"include_usage": True}
    )
    said, usage = dict.fromkeys(range(6), ""), None
    for chunk in twice:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            said[choice.index] += choice.text
    assert list(said.values()) == [t for t in each for _ in range(2)] and usage.completion_tokens == 36


def test_penalties_and_biases_change_the_answer(served, client):
    def say(**options):
        found = client.completions.create(model="sum", prompt="a b", max_tokens=12, **options)
        return found.choices[0].text

    plain = say()
    assert say(presence_penalty=0, frequency_penalty=0, logit_bias={}) == plain
    assert len({plain, say(frequency_penalty=2), say(extra_body={"repetition_penalty": 5})}) > 1
    token = served.engine.base.tokenizer("z", add_special_tokens=False)["input_ids"][0]
    assert say(logit_bias={str(token): 100}) == "z" * 12
    assert say(temperature=1.5, seed=1, extra_body={"min_p": 1.0}) == plain, "only the likeliest is left"
    with pytest.raises(openai.BadRequestError, match="expected ids from 0"):
        say(logit_bias={"999999": 1})


def test_next_to_no_temperature_is_greedy_and_hurts_nobody(served, client):
    plain = direct(served, "base", max_tokens=6)
    for temperature in (1e-6, 1e-38, 1e-45, 5e-324):
        found = client.chat.completions.create(model="base", messages=ASKED, max_tokens=6, temperature=temperature)
        assert found.choices[0].message.content == plain


def test_a_last_message_of_the_assistant_s_is_gone_on_with(served, client):
    whole = direct(served, "plural", max_tokens=12)
    begun = [*ASKED, {"role": "assistant", "content": whole[:4]}]
    ids = [
        *prompt_ids(served.engine.base.tokenizer, ASKED[0]["content"]),
        *served.engine.base.tokenizer(whole[:4], add_special_tokens=False)["input_ids"],
    ]
    wanted = served.engine.submit(ids, Sampling(max_tokens=8), adapter=served.library.find("plural")).result(60).text
    found = client.chat.completions.create(model="plural", messages=begun, max_tokens=8)
    assert found.choices[0].message.content == wanted and found.usage.prompt_tokens == len(ids)
    new = client.chat.completions.create(
        model="plural", messages=begun, max_tokens=8, extra_body={"add_generation_prompt": True}
    )
    assert new.usage.prompt_tokens > len(ids)


def test_the_responses_interface_says_the_same(served, client):
    wanted = direct(served, "plural", max_tokens=20)
    for asked in (
        ASKED[0]["content"],
        ASKED,
        [{"role": "user", "content": [{"type": "input_text", "text": "pear apple fig"}]}],
    ):
        found = client.responses.create(model="plural", input=asked, max_output_tokens=20)
        assert found.output_text == wanted and found.status == "incomplete" and found.usage.output_tokens == 20
    told = client.responses.create(model="plural", input="b", instructions="a", max_output_tokens=4)
    turns = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    same = client.chat.completions.create(model="plural", messages=turns, max_tokens=4)
    assert told.usage.input_tokens == same.usage.prompt_tokens and told.instructions == "a"
    assert told.output_text == same.choices[0].message.content
    with client.responses.stream(model="plural", input=ASKED[0]["content"], max_output_tokens=20) as stream:
        events = list(stream)
    deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert "".join(deltas) == wanted == events[-1].response.output_text and len(deltas) > 5
    assert events[-1].type == "response.incomplete", "cut off at its limit, as OpenAI says it"
    schema = {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"], "additionalProperties": False}
    form = {"format": {"type": "json_schema", "name": "found", "schema": schema}}
    held = client.responses.create(
        model="base",
        input="b",
        max_output_tokens=40,
        text=form,
    )
    assert json.loads(held.output_text)["n"] in (1, 2) and held.status == "completed"
    with client.responses.stream(model="base", input="b", max_output_tokens=40, extra_body={"text": form}) as stream:
        assert stream.get_final_response().output_text == held.output_text
    history = [ASKED[0], *found.output, {"role": "user", "content": "again"}]
    assert client.responses.create(model="plural", input=history, max_output_tokens=4).output_text
    for wrong, param in (
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0.type"),
        ({"input": [{"role": "user", "content": 5}]}, "input.0.content"),
        ({"max_output_tokens": 10**6}, "max_output_tokens"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(**{"model": "base", "input": "b", **wrong})
        assert caught.value.param == param, caught.value


def test_embeddings_are_the_task_embedder_s(served, client):
    texts = ["sort the words of a list", "add two numbers"]
    found = client.embeddings.create(model="embedder", input=texts)
    wanted = served.lora.embedder.embed_checked(texts).vectors
    for item, vector in zip(found.data, wanted, strict=True):
        assert item.embedding == pytest.approx([float(x) for x in vector], abs=1e-6)
    plain = client.embeddings.create(model="embedder", input=texts[0], encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(found.data[0].embedding, abs=1e-6) and plain.usage.prompt_tokens > 2
    for wrong, error in (
        ({"model": "plural"}, openai.NotFoundError),
        ({"input": ""}, openai.BadRequestError),
        ({"dimensions": 7}, openai.BadRequestError),
    ):
        with pytest.raises(error):
            client.embeddings.create(**{"model": "embedder", "input": "a", **wrong})


def test_tokens_of_texts_and_texts_of_tokens(served, client):
    tokenizer = served.engine.base.tokenizer

    def post(path, **body):
        return httpx.post(f"{served.url}{path}", json=body).json()

    text = "na\u00efve \U0001f642"
    found = post("/tokenize", prompt=text, return_token_strs=True)
    assert found["tokens"] == tokenizer(text)["input_ids"] and found["count"] == len(found["token_strs"])
    assert post("/tokenize", messages=ASKED)["tokens"] == prompt_ids(tokenizer, ASKED[0]["content"])
    assert post("/detokenize", tokens=found["tokens"])["prompt"] == text
    told = httpx.get(f"{served.url}/tokenizer_info").json()
    assert told["eos_token"] == tokenizer.eos_token and told["chat_template"] == tokenizer.chat_template
    assert told["model_max_length"] == served.engine.max_length
    for path, body in (
        ("/tokenize", {}),
        ("/tokenize", {"prompt": "a", "messages": ASKED}),
        ("/detokenize", {"tokens": [-1]}),
    ):
        assert post(path, **body)["error"]["type"] == "invalid_request_error"


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
        ({"n": 129}, "this server gives at most 128", "n"),
        ({"functions": [{"name": "f"}]}, "functions is not supported", "functions"),
        ({"presence_penalty": 2.5}, "presence_penalty: input should be less than or equal to 2", "presence_penalty"),
        ({"logit_bias": {"x": 1}}, "is not the id of a token", "logit_bias"),
        ({"temperature": 3}, "temperature: input should be less than or equal to 2", "temperature"),
        ({"top_p": 0}, "top_p: input should be greater than 0", "top_p"),
        ({"max_tokens": 0}, "max_tokens is 0. Ask for one token or more", "max_tokens"),
        ({"max_tokens": 5000}, "max_tokens is 5,000, this server allows at most 1,024", "max_tokens"),
        ({"top_logprobs": 2}, "top_logprobs needs logprobs", "top_logprobs"),
        ({"stop": ["x" * 300]}, "stop must hold at most 16 texts", "stop"),
        ({"messages": []}, "messages: list should have at least 1 item", "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role: input", "messages.0.role"),
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

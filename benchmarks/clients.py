"""Clients that people have, unchanged, against a running server: a chat, its stream, a conversation, calls, an error.

    python benchmarks/clients.py http://127.0.0.1:8000 [--model base] [--key KEY]

Needs no genlora: install the clients somewhere (litellm langchain-openai llm pydantic-ai-slim[openai] instructor
smolagents lm-eval[api]; openai comes with them) and start `genlora serve` elsewhere. What is not installed is left out
and told. For JavaScript see clients.mjs.
Exits with 1 if anything that was tried failed.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

QUESTION = "Give me the word in the plural form: wolf"
LONG = 12
"""Tokens of an answer."""
ROWS = [
    {"q": f"Give me the word in the plural form: {a}", "a": b, "wrong": a}
    for a, b in (("wolf", "wolves"), ("cup", "cups"))
]
Steps = dict[str, Callable[[], Any]]


def same(a: str, b: str) -> None:
    """Both say the same, and something."""
    if not a or a != b:
        raise AssertionError(f"{a!r} and {b!r}")


def twice(work: Callable[[], str]) -> None:
    """The same is asked twice, and answered alike."""
    same(work(), work())


def refused(work: Callable[[], Any], kind: type[Exception], says: str = "is no model here") -> None:
    """The client understands that there is no such model, and passes the server's words on."""
    try:
        work()
    except kind as err:
        if says not in str(err):
            raise AssertionError(f"not the server's words: {err}") from err
        return
    raise AssertionError("no error")


def with_openai(url: str, model: str, key: str) -> Steps:
    """OpenAI's own: chat, responses, legacy completions with what evaluation harnesses ask for, embeddings."""
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    asked: list[Any] = [{"role": "user", "content": QUESTION}]
    more: dict[str, Any] = {"model": model, "max_tokens": LONG}
    tool = {"type": "function", "function": {"name": "say", "parameters": _schema()}}

    def chat() -> Any:
        return client.chat.completions.create(messages=asked, **more).choices[0].message

    def stream() -> None:
        chunks = client.chat.completions.create(messages=asked, stream=True, **more)
        same(chat().content, "".join(c.choices[0].delta.content or "" for c in chunks if c.choices))

    def turns() -> None:
        told = [*asked, chat(), {"role": "user", "content": "And of mouse?"}]
        twice(lambda: client.chat.completions.create(messages=told, **more).choices[0].message.content or "")

    def call() -> None:
        options: Any = {"tools": [tool], "tool_choice": "required", "messages": asked, "model": model}
        found = client.chat.completions.create(**options, max_tokens=80).choices[0].message.tool_calls
        if not found or found[0].function.name != "say":
            raise AssertionError(str(found))

    def harness() -> None:
        rated = client.completions.create(model=model, prompt=[QUESTION], echo=True, logprobs=1, max_tokens=1)
        found = rated.choices[0].logprobs
        if found is None or not found.token_logprobs or found.token_logprobs[1] is None:
            raise AssertionError(str(found))

    def responses() -> None:
        found = client.responses.create(model=model, input=QUESTION, max_output_tokens=LONG)
        same(found.output_text, chat().content)

    return {
        "chat": chat,
        "stream": stream,
        "turns": turns,
        "call": call,
        "harness": harness,
        "responses": responses,
        "embeddings": lambda: client.embeddings.create(model="embedder", input=[QUESTION]).data[0].embedding[0],
        "error": lambda: refused(
            lambda: client.chat.completions.create(model="nobody", messages=asked), openai.NotFoundError
        ),
    }


def with_litellm(url: str, model: str, key: str) -> Steps:
    """litellm, as for any server in OpenAI's form."""
    import litellm

    asked = [{"role": "user", "content": QUESTION}]
    more = {"api_base": f"{url}/v1", "api_key": key, "max_tokens": LONG, "num_retries": 0}

    def chat(messages: list[Any], name: str = model, **options: Any) -> Any:
        return litellm.completion(model=f"openai/{name}", messages=messages, **more, **options)

    def stream() -> None:
        chunks = "".join(c.choices[0].delta.content or "" for c in chat(asked, stream=True))
        same(chat(asked).choices[0].message.content, chunks)

    def turns() -> None:
        told = [*asked, chat(asked).choices[0].message, {"role": "user", "content": "And of mouse?"}]
        twice(lambda: chat(told).choices[0].message.content)

    return {
        "chat": lambda: chat(asked),
        "stream": stream,
        "turns": turns,
        "error": lambda: refused(lambda: chat(asked, "nobody"), litellm.NotFoundError),
    }


def with_langchain(url: str, model: str, key: str) -> Steps:
    """langchain-openai, with its way to structured output."""
    import openai
    from langchain_openai import ChatOpenAI

    def made(name: str = model, tokens: int = LONG) -> Any:
        return ChatOpenAI(model=name, base_url=f"{url}/v1", api_key=key, max_tokens=tokens, max_retries=0)

    def turns() -> None:
        said = made().invoke(QUESTION)
        twice(lambda: made().invoke([("user", QUESTION), said, ("user", "And of mouse?")]).content)

    def structured(method: str) -> None:
        found = made(tokens=80).with_structured_output({"title": "say", **_schema()}, method=method).invoke(QUESTION)
        if set(found) != {"word"}:
            raise AssertionError(str(found))

    return {
        "chat": lambda: made().invoke(QUESTION),
        "stream": lambda: same(made().invoke(QUESTION).content, "".join(c.content for c in made().stream(QUESTION))),
        "turns": turns,
        "call": lambda: structured("function_calling"),
        "schema": lambda: structured("json_schema"),
        "error": lambda: refused(lambda: made("nobody").invoke(QUESTION), openai.NotFoundError),
    }


def with_llm(url: str, model: str, key: str) -> Steps:
    """Simon Willison's llm."""
    from llm.default_plugins.openai_models import Chat

    def made(name: str = model) -> Any:
        found = Chat(model_id=name, model_name=name, api_base=f"{url}/v1")
        found.key = key
        return found

    def turns() -> None:
        def talk() -> str:
            told = made().conversation()
            told.prompt(QUESTION, max_tokens=LONG).text()
            return told.prompt("And of mouse?", max_tokens=LONG).text()

        twice(talk)

    def stream() -> None:
        whole = made().prompt(QUESTION, max_tokens=LONG, stream=False).text()
        same(whole, "".join(made().prompt(QUESTION, max_tokens=LONG, stream=True)))

    return {
        "chat": lambda: made().prompt(QUESTION, max_tokens=LONG, stream=False).text(),
        "stream": stream,
        "turns": turns,
        "error": lambda: refused(lambda: made("nobody").prompt(QUESTION, stream=False).text(), Exception),
    }


def with_pydantic_ai(url: str, model: str, key: str) -> Steps:
    """pydantic-ai, with an answer that is an object: it asks for it as a call."""
    from pydantic import BaseModel
    from pydantic_ai import Agent
    from pydantic_ai.exceptions import ModelHTTPError
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    class Said(BaseModel):
        word: str

    def made(name: str = model, **options: Any) -> Any:
        provider = OpenAIProvider(base_url=f"{url}/v1", api_key=key)
        return Agent(OpenAIChatModel(name, provider=provider), model_settings={"max_tokens": 80}, **options)

    def turns() -> None:
        told = made().run_sync(QUESTION).all_messages()
        twice(lambda: made().run_sync("And of mouse?", message_history=told).output)

    async def streamed() -> str:
        async with made().run_stream(QUESTION) as found:
            return "".join([piece async for piece in found.stream_text(delta=True, debounce_by=None)])

    return {
        "chat": lambda: made().run_sync(QUESTION),
        "stream": lambda: same(made().run_sync(QUESTION).output, asyncio.run(streamed())),
        "turns": turns,
        "call": lambda: made(output_type=Said).run_sync(QUESTION).output.word,
        "error": lambda: refused(lambda: made("nobody").run_sync(QUESTION), ModelHTTPError),
    }


def with_instructor(url: str, model: str, key: str) -> Steps:
    """instructor, by calls and by schemas."""
    import instructor
    import openai
    from pydantic import BaseModel

    class Said(BaseModel):
        word: str

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    asked: list[Any] = [{"role": "user", "content": QUESTION}]

    def of(mode: Any) -> Any:
        return instructor.from_openai(client, mode=mode).chat.completions

    def made(mode: Any, name: str = model, messages: list[Any] = asked) -> Said:
        more: dict[str, Any] = {"max_tokens": 80, "max_retries": 0}
        found = of(mode).create(model=name, messages=messages, response_model=Said, **more)
        if not isinstance(found, Said):
            raise AssertionError(str(found))
        return found

    def chat(messages: list[Any] = asked) -> Any:
        told = of(instructor.Mode.TOOLS).create(model=model, messages=messages, response_model=None, max_tokens=LONG)
        return told.choices[0].message

    def stream(mode: Any) -> None:
        *_, last = of(mode).create_partial(model=model, messages=asked, response_model=Said, max_tokens=80)
        same(made(mode).word, last.word)

    def turns() -> None:
        # instructor rewrites messages and takes them as dicts only
        told = [*asked, chat().model_dump(), {"role": "user", "content": "And of mouse?"}]
        twice(lambda: chat(told).content)
        answer = {"role": "assistant", "content": made(instructor.Mode.TOOLS).model_dump_json()}
        made(instructor.Mode.TOOLS, messages=[*asked, answer, *asked])

    return {
        "chat": chat,
        "stream": lambda: stream(instructor.Mode.TOOLS),
        "streamed schema": lambda: stream(instructor.Mode.JSON_SCHEMA),
        "turns": turns,
        "call": lambda: made(instructor.Mode.TOOLS),
        "schema": lambda: made(instructor.Mode.JSON_SCHEMA),
        "error": lambda: refused(lambda: made(instructor.Mode.TOOLS, "nobody"), Exception),
    }


def with_smolagents(url: str, model: str, key: str) -> Steps:
    """The model class of smolagents, and how its agents call a tool."""
    import openai
    from smolagents import OpenAIServerModel, tool

    def made(name: str = model, tokens: int = LONG) -> Any:
        return OpenAIServerModel(model_id=name, api_base=f"{url}/v1", api_key=key, max_tokens=tokens)

    @tool
    def say(word: str) -> str:
        """Says a word.

        Args:
            word: what to say.
        """
        return word

    def call() -> None:
        found = made(tokens=80).generate(asked, tools_to_call_from=[say]).tool_calls
        if not found or found[0].function.name != "say":
            raise AssertionError(str(found))

    asked = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]

    def turns() -> None:
        said = made().generate(asked).content
        more = [{"role": "assistant", "content": [{"type": "text", "text": said}]}, *asked]
        twice(lambda: made().generate([*asked, *more]).content)

    return {
        "chat": lambda: made().generate(asked),
        "stream": lambda: same(
            made().generate(asked).content, "".join(c.content or "" for c in made().generate_stream(asked))
        ),
        "turns": turns,
        "call": call,
        "error": lambda: refused(lambda: made("nobody").generate(asked), openai.NotFoundError),
    }


def with_lm_eval(url: str, model: str, key: str) -> Steps:
    """lm-eval, with tasks of two lines each: rated continuations, answers to a text, answers to a conversation."""
    import os

    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing of this is on a hub
    os.environ["OPENAI_API_KEY"] = key
    import requests
    from lm_eval import simple_evaluate

    def run(kind: str, route: str, task: dict[str, Any], **options: Any) -> list[Any]:
        with tempfile.TemporaryDirectory() as folder:
            rows = Path(folder) / "rows.jsonl"
            rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
            data = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(rows)}, "cache_dir": folder}}
            told = f"model={model},base_url={url}/v1/{route},max_retries=1"
            whole = {"task": "plural", "test_split": "test", "doc_to_text": "{{q}}", **data, **task}
            found = simple_evaluate(model=kind, model_args=told, tasks=[whole], bootstrap_iters=0, **options)
        samples: list[Any] = found["samples"]["plural"]
        if len(samples) != len(ROWS):
            raise AssertionError(str(samples))
        return samples

    until = {"until": ["\n"], "max_gen_toks": 4}
    said = {"output_type": "generate_until", "doc_to_target": "{{a}}", "generation_kwargs": until}
    rated = {"output_type": "multiple_choice", "doc_to_choice": ["{{a}}", "{{wrong}}"], "doc_to_target": 0}

    def rates() -> None:
        for sample in run("local-completions", "completions", rated):
            if not all(float(choice[0][0]) < 0 for choice in sample["resps"]):
                raise AssertionError(str(sample["resps"]))

    def chats(**options: Any) -> list[Any]:
        return run("local-chat-completions", "chat/completions", said, apply_chat_template=True, **options)

    def turns() -> None:
        for sample in chats(num_fewshot=1, fewshot_as_multiturn=True):
            (asked, _), *_ = sample["arguments"]
            messages = json.loads(asked[0])
            if [m["role"] for m in messages] != ["user", "assistant", "user"]:
                raise AssertionError(str(messages))

    def nobody(step: str) -> None:  # it logs the server's words, and raises the status
        refused(with_lm_eval(url, "nobody", key)[step], requests.HTTPError, "404 Client Error: Not Found")

    return {
        "rated": rates,
        "generate": lambda: run("local-completions", "completions", said),
        "chat": chats,
        "turns": turns,
        "error": lambda: nobody("generate"),
        "chat error": lambda: nobody("chat"),
    }


CLIENTS: dict[str, Callable[[str, str, str], Steps]] = {
    "openai": with_openai,
    "litellm": with_litellm,
    "langchain-openai": with_langchain,
    "llm": with_llm,
    "pydantic-ai-slim": with_pydantic_ai,
    "instructor": with_instructor,
    "smolagents": with_smolagents,
    "lm-eval": with_lm_eval,
}


def _schema() -> dict[str, Any]:
    word = {"type": "string", "maxLength": 12}
    return {"type": "object", "properties": {"word": word}, "required": ["word"], "additionalProperties": False}


def main() -> int:
    """Try every client; the number of steps that failed, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--model", default="base")
    parser.add_argument("--key", default="none")
    parser.add_argument("--only", choices=CLIENTS, help="one client")
    given = parser.parse_args()
    failed = 0
    for name, steps in CLIENTS.items():
        if given.only not in (None, name):
            continue
        try:
            known = version(name)
        except PackageNotFoundError:
            print(f"{name}: not installed")
            continue
        for step, work in steps(given.url.rstrip("/"), given.model, given.key).items():
            try:
                work()
                print(f"{name} {known} {step}: right")
            except Exception as err:
                failed = 1
                print(f"{name} {known} {step}: WRONG {type(err).__name__}: {str(err)[:300]}")
    return failed


if __name__ == "__main__":
    sys.exit(main())

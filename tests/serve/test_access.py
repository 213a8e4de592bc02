"""Who may ask, for how much, and what happens to those who leave: on a real server."""

import asyncio
import json
import re
import socket
import threading
import time
from pathlib import Path

import httpx
import openai
import pytest

from genlora import GenLora
from genlora.engine import Sampling
from genlora.errors import ConfigError
from genlora.serve import HttpSettings, Keys, Limits
from genlora.serve._app import create_app

pytestmark = pytest.mark.usefixtures("allow_sockets")

KEY, OTHER = "k" * 32, "o" * 20
ASKED = [{"role": "user", "content": "pear apple fig"}]
OPEN = {("GET", "/health"), ("GET", "/healthz"), ("GET", "/docs"), ("GET", "/openapi.json")}
"""Routes that tell everybody the same and ask for no key."""
LOCKED = {
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/responses"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model:path}"),
    ("POST", "/v1/adapters"),
    ("GET", "/v1/adapters"),
    ("GET", "/v1/adapters/{name}"),
    ("PATCH", "/v1/adapters/{name}"),
    ("DELETE", "/v1/adapters/{name}"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/jobs/{id}"),
    ("DELETE", "/v1/jobs/{id}"),
    ("POST", "/v1/embeddings"),
    ("POST", "/tokenize"),
    ("POST", "/detokenize"),
    ("GET", "/tokenizer_info"),
    ("GET", "/metrics"),
}
ROUTES = OPEN | LOCKED
"""G2: every route there may be. A new one is added here by somebody who has asked what it lets strangers do."""


def routes_of(app):
    return {(method, route.path) for route in app.routes for method in route.methods}


def test_the_routes_are_those_of_the_list(served):
    from fastapi import FastAPI

    naive = FastAPI()  # documentation pages that load scripts from elsewhere
    assert routes_of(naive) - ROUTES
    assert routes_of(create_app(served.engine, served.library)) == ROUTES
    with_mcp = create_app(served.engine, served.library, HttpSettings(mcp=True))
    assert routes_of(with_mcp) == ROUTES | {("POST", "/mcp")}


def test_the_documentation_names_what_there_is(served):
    from genlora.serve.protocol._neutral import IGNORED, NEUTRAL
    from genlora.serve.protocol._schema import AdapterRequest, ChatRequest, CompletionRequest

    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    fields = [*ChatRequest.model_fields, *CompletionRequest.model_fields, *AdapterRequest.model_fields]
    known = {*IGNORED, *NEUTRAL, *fields} - {"stream_options"}
    assert not [name for name in known if f"`{name}`" not in text]
    told = httpx.get(f"{served.url}/metrics").text
    metrics = re.findall(r"`(genlora_[a-z_]+)[`{]", text)
    assert len(metrics) > 10 and not [name for name in metrics if f"# HELP {name.removesuffix('_total')}" not in told]


def wait_for(true, seconds=20.0):
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    assert true()


# ---- keys


@pytest.fixture(scope="module")
def locked(serving):
    with serving(keys=Keys([OTHER, KEY])) as found:
        yield found


def test_every_route_asks_for_a_key(locked):
    for method, path in OPEN:
        assert httpx.request(method, locked.url + path).status_code == 200
    for method, path in [*LOCKED, ("GET", "/nope"), ("DELETE", "/v1/models")]:
        for given in ({}, {"Authorization": f"Bearer {KEY}x"}, {"Authorization": KEY}, {"Authorization": "Basic a2V5"}):
            found = httpx.request(method, locked.url + path, headers=given, json={} if method == "POST" else None)
            assert found.status_code == 401, (method, path)
            assert found.json()["error"]["code"] == "invalid_api_key" and found.headers["www-authenticate"] == "Bearer"
            assert KEY not in found.text


def test_each_key_opens(locked):
    for key in (KEY, OTHER):
        with openai.OpenAI(base_url=f"{locked.url}/v1", api_key=key, max_retries=0) as client:
            assert client.chat.completions.create(model="base", messages=ASKED, max_tokens=2).choices
        assert httpx.get(f"{locked.url}/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    with openai.OpenAI(base_url=f"{locked.url}/v1", api_key="wrong" * 8, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


def test_all_keys_are_compared_in_full(monkeypatch):
    import hmac

    seen = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: seen.append(len(b)) or real(a, b))
    keys = Keys([KEY, OTHER, "z" * 40])
    assert keys.owner(KEY) and not keys.owner("\ud800") and not keys.owner("")
    assert seen == [32] * 9, "every key, right or wrong, first or last, costs the same comparisons"
    assert KEY not in repr(keys)


def test_keys_come_from_a_private_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_API_KEYS", f"{OTHER}, {'e' * 16}")
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{KEY}  # for tests\n\n")
    file.chmod(0o600)
    keys = Keys.read(file)
    assert len(keys) == 3 and len({keys.owner(KEY), keys.owner(OTHER), keys.owner("e" * 16)} - {None}) == 3
    monkeypatch.delenv("GENLORA_API_KEYS")
    assert not Keys.read()
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Keys.read(file)
    file.chmod(0o600)
    for text, says in (("", "holds no API key"), ("short", "at least 16"), ("with space " * 3, "without spaces")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=says):
            Keys.read(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        Keys.read(tmp_path / "none")


# ---- what is not an API call


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1"])
def test_without_keys_other_host_names_are_refused(served, host):
    found = httpx.get(f"{served.url}/v1/models", headers={"Host": host})
    assert found.status_code == 421 and found.json()["error"]["code"] == "wrong_host"


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_this_machine_s_names_are_not(served, host):
    assert httpx.get(f"{served.url}/healthz", headers={"Host": host}).status_code == 200


def test_a_page_s_form_cannot_post(served):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        found = httpx.post(
            f"{served.url}/v1/adapters", content=b'{"description": "sort"}', headers={"Content-Type": kind}
        )
        assert found.status_code == 415
    answer = httpx.options(
        f"{served.url}/v1/adapters", headers={"Origin": "http://evil", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 405 and not [h for h in answer.headers if h.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "unknown_url"),
        ("GET", "/v1/models/", 404, "model_not_found"),
        ("GET", "/v1/adapters/..%2f..%2fetc%2fpasswd", 404, "unknown_url"),
        ("GET", "/v1/adapters/%00", 404, "model_not_found"),
        ("GET", "/v1/adapters/base", 404, "model_not_found"),
        ("GET", "/v1/adapters/plural?format=exe", 400, None),
        ("GET", "/v1/adapters/plural?format=receipt", 404, "model_not_found"),
        ("DELETE", "/v1/adapters/plural", 404, "model_not_found"),
        ("GET", "/v1/jobs/job-0", 404, "job_not_found"),
        ("GET", "/v1/chat/completions", 405, "unknown_method"),
        ("PUT", "/v1/adapters", 405, "unknown_method"),
    ],
)
def test_errors_have_openai_s_form(served, method, path, status, code):
    found = httpx.request(method, served.url + path)
    assert found.status_code == status
    assert set(found.json()["error"]) == {"message", "type", "param", "code"} and found.json()["error"]["code"] == code
    assert found.headers["x-content-type-options"] == "nosniff" and found.headers["cache-control"] == "no-store"


def test_what_breaks_inside_is_told_without_details(serving, caplog):
    class Broken(GenLora):
        def generate(self, *args, **options):
            raise RuntimeError("secret /srv/path")

    with serving(lora_class=Broken) as s:
        found = httpx.post(f"{s.url}/v1/adapters", json={"description": "sort the words"})
    assert found.status_code == 500 and "secret" not in found.text and found.json()["error"]["type"] == "server_error"
    assert "secret" in caplog.text


# ---- caps


def test_bodies_are_capped_before_they_are_read(serving):
    with serving(limits=Limits(body_bytes=2000)) as s:
        announced, chunks = b'{"description": "' + b"x" * 5_000_000, [b"x" * 1000] * 50
        for path in ("/v1/adapters", "/v1/completions", "/v1/chat/completions"):
            for content in (announced, iter(chunks)):
                headers = {"Content-Type": "application/json"}
                found = httpx.post(s.url + path, content=content, headers=headers, timeout=60)
                assert found.status_code == 413 and "2,000 bytes" in found.json()["error"]["message"]
        assert httpx.get(f"{s.url}/healthz").status_code == 200


def test_a_body_that_never_comes_is_given_up(serving):
    with serving(limits=Limits(body_s=0.3)) as s, socket.create_connection(("127.0.0.1", s.port)) as slow:
        slow.sendall(
            b"POST /v1/adapters HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        slow.settimeout(10)
        assert b" 408 " in slow.recv(4096).split(b"\r\n")[0]


def test_prompts_and_examples_are_capped(serving):
    limits = Limits(prompt_chars=100, examples=3, example_chars=50)
    with serving(limits=limits) as s:

        def refused(route, **body):
            found = httpx.post(s.url + route, json=body)
            assert found.status_code == 400
            return found.json()["error"]["message"]

        assert "101 characters" in refused("/v1/completions", model="base", prompt="x" * 101)
        one = {"input": "a", "output": "b"}
        assert "examples: 4" in refused("/v1/adapters", examples=[one] * 4)
        assert "at most 50" in refused("/v1/adapters", examples=[{"input": "a" * 60, "output": "b"}])
        assert "holds NUL" in refused("/v1/adapters", examples=[{"input": "a\0", "output": "b"}])
        assert "examples.0.output: field required" in refused("/v1/adapters", examples=[{"input": "a"}])
        assert "a description, examples of the task, or both" in refused("/v1/adapters")
        assert "unrecognized request argument: 'path'" in refused("/v1/adapters", path="/etc/passwd")
        assert "unrecognized request argument: 'url'" in refused("/v1/adapters", description="sort", url="http://x")
        assert "generator" in refused("/v1/adapters", description="sort", generator="hypernet")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"port": -1}, "port"),
        ({"temperature": 3.0}, "temperature"),
        ({"cors_origins": ("*",)}, "origin"),
        ({"cors_origins": ("https://a.example/page",)}, "no path"),
    ],
)
def test_wrong_settings_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        HttpSettings(**settings)
    with pytest.raises(ConfigError, match="drain_s"):
        Limits(drain_s=0)


# ---- too many at once


def test_a_full_queue_says_when_to_come_back(serving):
    with serving(engine={"max_batch": 1, "max_waiting": 3}) as s:

        async def ask(client):
            return await client.post("/v1/completions", json={"model": "base", "prompt": "a b", "max_tokens": 60})

        async def crowd():
            async with httpx.AsyncClient(base_url=s.url, timeout=60) as client:
                return await asyncio.gather(*(ask(client) for _ in range(30)))

        found = asyncio.run(crowd())
        refused = [f for f in found if f.status_code == 429]
        assert refused and {f.status_code for f in found} == {200, 429}
        for f in refused:
            assert int(f.headers["retry-after"]) >= 1 and f.json()["error"]["code"] == "rate_limit_exceeded"
        with openai.OpenAI(base_url=f"{s.url}/v1", api_key="none", max_retries=0) as client:
            blocking = [s.engine.submit([5, 6], Sampling(max_tokens=400))]
            wait_for(lambda: s.engine.stats().running == 1)
            blocking += [s.engine.submit([5, 6], Sampling(max_tokens=400)) for _ in range(3)]
            with pytest.raises(openai.RateLimitError):
                client.chat.completions.create(model="base", messages=ASKED)
            for stream in blocking:
                stream.cancel()
            assert client.with_options(max_retries=3).chat.completions.create(
                model="base", messages=ASKED, max_tokens=2
            )


def test_a_flood_of_descriptions_is_bounded(serving):
    class Slow(GenLora):
        def generate(self, *args, **options):
            time.sleep(0.02)
            return super().generate(*args, **options)

    with serving(lora_class=Slow) as s:

        async def ask(client, i):
            began = time.monotonic()
            found = await client.post("/v1/adapters", json={"description": f"sort the words of list {i}"})
            return found, time.monotonic() - began

        async def crowd():
            async with httpx.AsyncClient(
                base_url=s.url, timeout=60, limits=httpx.Limits(max_connections=200)
            ) as client:
                return await asyncio.gather(*(ask(client, i) for i in range(200)))

        found = asyncio.run(crowd())
        codes = [f.status_code for f, _ in found]
        assert set(codes) == {201, 429} and s.library.queue.most_running <= 2
        assert codes.count(201) == s.library.stats()["created"] >= 34
        assert all(int(f.headers["retry-after"]) >= 1 for f, _ in found if f.status_code == 429)


def test_more_requests_than_are_looked_after_are_refused(serving):
    with serving(limits=Limits(requests=2)) as s:
        streams = [
            httpx.Client().stream(
                "POST",
                f"{s.url}/v1/completions",
                json={"model": "base", "prompt": "a", "max_tokens": 400, "stream": True},
            )
            for _ in range(2)
        ]
        for stream in streams:
            stream.__enter__()
        assert httpx.get(f"{s.url}/v1/models").status_code == 429
        assert httpx.get(f"{s.url}/healthz").status_code == 200, "watching is not work"
        for stream in streams:
            stream.__exit__(None, None, None)
        wait_for(lambda: httpx.get(f"{s.url}/v1/models").status_code == 200)


# ---- leaving


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_answer(serving, stream):
    with serving(engine={"max_batch": 2}) as s:
        made = s.library.create("sort the words").id
        body = json.dumps({"model": made, "prompt": "a b", "max_tokens": 480, "stream": stream}).encode()
        with socket.create_connection(("127.0.0.1", s.port)) as client:
            client.sendall(
                b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body) + body
            )
            wait_for(lambda: s.engine.stats().running == 1)
            assert s.library.shelf._of("").leased == 1
            if stream:
                assert client.recv(100).startswith(b"HTTP/1.1 200")
        wait_for(lambda: s.engine.stats().running == 0, 5)
        stats = s.engine.stats()
        assert stats.cancelled == 1 and stats.generated_tokens < 480
        wait_for(lambda: not s.library.shelf._of("").leased)
        assert "genlora_disconnects_total 1.0" in httpx.get(f"{s.url}/metrics").text


def test_a_client_that_leaves_its_description_frees_the_place(serving):
    class Slow(GenLora):
        def generate(self, *args, **options):
            time.sleep(1.0)
            return super().generate(*args, **options)

    with serving(lora_class=Slow, library={"running": 1, "waiting": 1}) as s:
        for i in range(2):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{s.url}/v1/adapters", json={"description": f"sort list {i}"}, timeout=0.05)
        wait_for(lambda: s.library.stats()["waiting"] == 0, 15)
        wait_for(lambda: s.library.stats()["running"] == 0, 15)
        assert s.library.stats()["created"] == 1, "the one that had begun is kept, the other was never begun"


def test_draining_ends_what_runs_and_takes_nothing_new(serving):
    with serving() as s:
        said: list[str] = []

        def read():
            with httpx.stream(
                "POST",
                f"{s.url}/v1/completions",
                json={"model": "plural", "prompt": "a b", "max_tokens": 400, "stream": True},
                timeout=60,
            ) as stream:
                said.extend(line for line in stream.iter_lines() if line)

        reader = threading.Thread(target=read)
        reader.start()
        wait_for(lambda: len(said) > 3)
        s.server.drain()
        assert httpx.get(f"{s.url}/healthz").status_code == 503
        found = httpx.post(f"{s.url}/v1/completions", json={"model": "base", "prompt": "a"})
        assert found.status_code == 503 and found.json()["error"]["code"] == "shutting_down"
        assert "retry-after" in found.headers
        reader.join(60)
        assert said[-1] == "data: [DONE]" and json.loads(said[-2][6:])["choices"][0]["finish_reason"] == "length"
        wait_for(lambda: not s.server.started or s.server.state.active == 0)
        assert s.server.cut_off == 0


def test_what_takes_too_long_to_drain_is_cut_off_and_told(serving):
    with serving(limits=Limits(drain_s=0.2), engine={"max_batch": 1}) as s:
        asked = {"model": "base", "prompt": "a", "max_tokens": 500, "stream": True}
        with httpx.stream("POST", f"{s.url}/v1/completions", json=asked, timeout=60) as stream:
            lines = stream.iter_lines()
            next(lines)
            waiting = [s.engine.submit([5], Sampling(max_tokens=500)) for _ in range(20)]
            s.server.drain()
            last = [line for line in lines if line][-1]
        assert waiting
        assert json.loads(last[6:])["error"]["code"] == "engine_unavailable" or last == "data: [DONE]"

"""The named endpoints through `gradio_client` and MCP, and everything that must not get through (G1, G2)."""

import functools
import http.client
import json
import socket
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.usefixtures("allow_sockets")

PUBLIC = {"/generate", "/chat", "/evaluate", "/merge", "/download", "/receipt", "/experts", "/expert"}


@pytest.fixture(scope="module")
def client(demo, tmp_path_factory):
    from gradio_client import Client

    return Client(demo.url, verbose=False, download_files=str(tmp_path_factory.mktemp("got")))


def test_the_named_endpoints_are_these(client):
    info = client.view_api(return_format="dict", print_info=False)
    assert set(info["named_endpoints"]) == PUBLIC and not info["unnamed_endpoints"]


def test_from_a_sentence_to_a_file(client, studio):
    made = client.predict(description="sort the words of a list", api_name="/generate")
    assert made["adapter"] == studio.create("sort the words of a list").id
    assert "expected_accuracy" in made and made["meaning"]
    assert made["generator"]["chosen"] == "aggregate" and made["neighbours"][0]["name"] == "sort-words"
    said = client.predict(made["adapter"], "pear apple", max_tokens=6, api_name="/chat")
    assert said["base"] != said["adapted"] and said["base_was_told"] == "sort the words of a list"
    scores = client.predict(made["adapter"], "b a => a b\nz y => y z", api_name="/evaluate")
    assert scores["n"] == 2 and set(scores["scores"]) == {"base", "base described", "adapter"}
    assert zipfile.is_zipfile(client.predict(made["adapter"], api_name="/download"))
    assert Path(client.predict(made["adapter"], "gguf", api_name="/download")).read_bytes()[:4] == b"GGUF"
    receipt, whole = client.predict(made["adapter"], api_name="/receipt"), dict(studio.get(made["adapter"]).receipt)
    whole["base"] = {k: v for k, v in whole["base"].items() if k != "identity"}
    assert receipt == json.loads(json.dumps(whole)) and len(json.dumps(receipt)) < 6000
    assert [e["name"] for e in client.predict("opposite", api_name="/experts")] == ["antonym"]
    assert client.predict("plural", api_name="/expert")["family"] == "plural"


@pytest.mark.parametrize(
    ("arguments", "name", "said"),
    [
        ({}, "/generate", "describe it in a sentence"),
        ({"description": "x" * 4001}, "/generate", "too long"),
        ({"description": 5}, "/generate", "expected text"),
        ({"description": "sort", "seed": "1"}, "/generate", "expected a whole number"),
        ({"adapter": "genlora:0", "message": "a"}, "/chat", "not in memory"),
        ({"adapter": "genlora:0", "examples": "a => b"}, "/evaluate", "not in memory"),
        ({"adapter": "genlora:0", "quantization": "quanto"}, "/merge", "expected one of"),
        ({"adapter": "genlora:0", "form": "../x"}, "/download", "expected one of"),
        ({"name": "../../etc/passwd"}, "/expert", "no expert"),
    ],
)
def test_errors_reach_the_client_in_words(client, arguments, name, said):
    with pytest.raises(Exception, match=said) as err:
        client.predict(**arguments, api_name=name)
    assert "Traceback" not in str(err.value)


def test_mcp_clients_see_tools_that_explain_themselves(demo):
    anyio = pytest.importorskip("anyio", reason="comes with the extra mcp")
    session_of = pytest.importorskip("mcp", reason="needs the extra: pip install 'genlora[mcp]'").ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def ask():
        async with streamable_http_client(demo.mcp_url) as (read, write, *_), session_of(read, write) as session:
            await session.initialize()
            tools = (await session.list_tools()).tools
            found = await session.call_tool(
                next(t.name for t in tools if t.name.endswith("generate")), {"description": "sort the words of a list"}
            )
            return tools, found

    tools, found = anyio.run(ask)
    assert {t.name.rpartition("genlora_")[2].lstrip("/") for t in tools} >= {"generate", "chat", "evaluate"}
    for tool in tools:
        assert len(tool.description or "") > 30, tool.name
        for name, schema in tool.inputSchema["properties"].items():
            assert len(schema.get("description", "")) > 10, f"{tool.name}: {name}"
    assert not found.isError and "genlora:" in found.content[0].text


# ---- what must not get through


@pytest.fixture
def canary():
    """A server on loopback that counts who calls it, and a secret that only it and one file hold."""
    hits = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"canary-5e1f")

        do_POST = do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/x", hits
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def outside(monkeypatch):
    """Names and addresses beyond loopback that anything in this process tried to reach; nothing does."""
    tried = []
    real_connect, real_lookup = socket.socket.connect, socket.getaddrinfo
    local = ("127.0.0.1", "::1", "localhost", "0.0.0.0", None)

    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in local:
            tried.append(address)
            raise OSError("the test keeps to loopback")
        return real_connect(self, address)

    def lookup(host, *rest, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if name not in local:
            tried.append(name)
            raise socket.gaierror("the test keeps to loopback")
        return real_lookup(host, *rest, **options)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return tried


def send(url, method, path, body=None, headers=None):
    """Exactly these bytes: no client tidies the path."""
    where = urlsplit(url)
    link = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    try:
        link.putrequest(method, path, skip_host="host" in {k.lower() for k in headers or {}})
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
        for key, value in given.items():
            link.putheader(key, value)
        link.endheaders(data)
        answer = link.getresponse()
        return answer.status, answer.read(1 << 20)
    finally:
        link.close()


def hostile_requests(secret, web):
    """At least 80: (method, path, body, headers)."""
    targets = [str(secret), "/etc/passwd", "../" * 9 + "etc/passwd", "..%2f" * 9 + "etc%2fpasswd", "/proc/self/environ"]
    for prefix in ("file=", "file/", "stream/", "custom_component/"):
        yield from (("GET", f"/gradio_api/{prefix}{t}", None, {}) for t in targets)
    for prefix in ("/static/", "/assets/", "/svelte/", "/gradio_api/file=/static/"):
        yield from (("GET", prefix + t, None, {}) for t in targets[2:4])
    webs = [
        web,
        "http://outside.invalid/x",
        "https://outside.invalid/x",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
    ]
    for prefix in ("file=", "proxy="):
        yield from (("GET", f"/gradio_api/{prefix}{w}", None, {}) for w in webs)
        yield from (("HEAD", f"/gradio_api/{prefix}{w}", None, {}) for w in webs[:2])
    files = [{"path": p, "meta": {"_type": "gradio.FileData"}} for p in [*targets[:2], *webs[:3]]]
    files.append({"path": "x", "url": web, "meta": {"_type": "gradio\u002eFileData"}})
    for value in files:
        yield "POST", "/gradio_api/call/generate", {"data": [value, "", 0]}, {}
        yield "POST", "/gradio_api/run/generate", {"data": [[value], "", 0]}, {}
        yield "POST", "/gradio_api/queue/join", {"data": [value, ""], "fn_index": 8, "session_hash": "a"}, {}
    yield "POST", "/gradio_api/upload", b"--x\r\n\r\n--x--", {"content-type": "multipart/form-data; boundary=x"}
    yield "POST", "/gradio_api/component_server", {"data": str(secret), "component_id": 1, "fn_name": "ls"}, {}
    yield "POST", "/gradio_api/process_recording", {"path": str(secret)}, {}
    yield "POST", "/gradio_api/vibe-edit/", {"prompt": "x"}, {}
    yield "POST", "/gradio_api/call/generate", b"[" * 100_000, {}
    yield "POST", "/gradio_api/call/generate", b"x" * ((1 << 20) + 1), {}
    yield "POST", "/gradio_api/call/generate", b"not json", {}
    for path in ("dev/reload", "vibe-code/", "deep_link", "runs", "token", "upload_progress", "run-history/buckets"):
        yield "GET", f"/gradio_api/{path}", None, {}
    yield "GET", "/monitoring", None, {}
    yield "GET", "/gradio_api/mcp/../../../etc/passwd", None, {}
    yield "GET", "/gradio_api/file=" + str(secret) + "%00.png", None, {}
    yield "POST", "/login", {"username": "a", "password": "b"}, {}
    yield "GET", "/monitoring/summary", None, {}
    yield "PUT", "/config", None, {}
    yield "GET", "/", None, {"Host": "evil.example"}
    yield "POST", "/gradio_api/queue/join", {"data": []}, {"Host": "evil.example:80"}


def test_hostile_requests_bring_nothing_in_or_out(demo, canary, outside, tmp_path):
    web, hits = canary
    secret = tmp_path / "secret.txt"
    secret.write_text("canary-5e1f")
    requests = list(hostile_requests(secret, web))
    assert len(requests) >= 80
    for method, path, body, headers in requests:
        status, got = send(demo.url, method, path, body, headers)
        assert status in (400, 403, 404, 405, 413, 421), (method, path, status)
        assert b"canary-5e1f" not in got and b"root:" not in got, (method, path)
    assert hits == [] and outside == []
    assert send(demo.url, "GET", "/")[0] == 200  # it still answers


def test_the_same_page_without_the_firewall_would_reach_out(studio, outside, tmp_path):
    """A deliberately naive demo fails: Gradio fetches an address that a request names."""
    from genlora_app._launch import free_port
    from genlora_app._page import build

    page = build(studio)
    page.launch(server_port=free_port("127.0.0.1"), prevent_thread_lock=True, quiet=True, ssr_mode=False)
    try:
        send(page.local_url, "GET", "/gradio_api/file=http://outside.invalid/x")
    finally:
        page.close(verbose=False)
    assert outside


def test_every_route_is_known(demo):
    """The firewall's list against Gradio's own: what is open is a fixture, so that a new Gradio opens nothing (G2)."""
    from genlora_app._firewall import Firewall

    firewall = Firewall(demo.server.app, files=demo.folder, hosts=None, mcp=True)
    paths = demo.server.app.openapi()["paths"]
    routes = {(m.upper(), p) for p, methods in paths.items() for m in methods}
    assert len(routes) > 40  # all of Gradio's
    names = {"{session_hash}": "a", "{api_name}": "a", "{event_id}": "a"}
    filled = {(m, functools.reduce(lambda p, n: p.replace(*n), names.items(), path)) for m, path in routes}
    scope = {"type": "http", "headers": []}
    open_now = {
        (m, p) for m, p in filled if "{" not in p and firewall._refusal({**scope, "method": m, "path": p}) is None
    }
    assert open_now == {
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/config"),
        ("GET", "/theme.css"),
        ("GET", "/favicon.ico"),
        ("GET", "/robots.txt"),
        ("GET", "/manifest.json"),
        ("GET", "/gradio_api/info"),
        ("GET", "/gradio_api/app_id"),
        ("GET", "/gradio_api/openapi.json"),
        ("GET", "/gradio_api/startup-events"),
        ("GET", "/gradio_api/queue/data"),
        ("GET", "/gradio_api/queue/status"),
        ("GET", "/gradio_api/heartbeat/a"),
        ("GET", "/gradio_api/call/a/a"),
        ("GET", "/gradio_api/call/v2/a/a"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/cancel"),
        ("POST", "/gradio_api/reset"),
        ("POST", "/gradio_api/call/a"),
        ("POST", "/gradio_api/call/v2/a"),
        ("POST", "/gradio_api/run/a"),
        ("POST", "/gradio_api/api/a"),
    }


def test_only_made_files_can_be_fetched(demo, studio, tmp_path):
    made = studio.downloads(studio.create("sort the words of a list"))
    status, got = send(demo.url, "GET", f"/gradio_api/file={made.peft}")
    assert status == 200 and got == made.peft.read_bytes()
    link = studio.folder / "link.txt"
    target = tmp_path / "target.txt"
    target.write_text("canary-5e1f")
    link.symlink_to(target)
    try:
        assert send(demo.url, "GET", f"/gradio_api/file={link}")[0] == 403
    finally:
        link.unlink()


def test_browsers_are_told_to_load_nothing_from_elsewhere(demo):
    where = urlsplit(demo.url)
    link = http.client.HTTPConnection(where.hostname, where.port)
    link.request("GET", "/")
    answer = link.getresponse()
    body = answer.read().decode()
    link.close()
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].endswith("frame-ancestors 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "fonts.googleapis" not in body and "cdnjs" not in body


def test_a_full_queue_refuses(demo, studio, monkeypatch):
    release = threading.Event()
    real = studio.create

    def slow(*args, **options):
        release.wait(60)
        return real(*args, **options)

    monkeypatch.setattr(studio, "create", slow)
    from gradio_client import Client

    client = Client(demo.url, verbose=False)
    jobs = [client.submit(description=f"sort {i} words", api_name="/generate") for i in range(40)]
    try:
        for _ in range(600):  # one generates, 32 wait, and 7 need not wait to hear that the queue is full
            if sum(j.done() for j in jobs) >= 7:
                break
            time.sleep(0.1)
        refused = [j for j in jobs if j.done()]
    finally:
        release.set()
    assert 1 <= len(refused) <= 8
    assert all("full" in str(j.exception(timeout=5)).lower() for j in refused)
    assert sum(j.exception(timeout=200) is None for j in jobs) == len(jobs) - len(refused)

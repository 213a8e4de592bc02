"""What the server tells those who run it, and pages of other origins: ids, audit lines, spans, CORS."""

import json
import re
import stat

import httpx
import pytest

from genlora.errors import ConfigError, MissingExtraError
from genlora.serve import HttpSettings, Keys
from genlora.serve.entrance._audit import Audit

pytestmark = pytest.mark.usefixtures("allow_sockets")

KEY = "k" * 32
SECRET = "unmistakable"
CHAT = {"model": "base", "messages": [{"role": "user", "content": SECRET}], "max_tokens": 3}


def test_every_answer_has_a_request_id(served):
    own = httpx.post(f"{served.url}/v1/chat/completions", json=CHAT, headers={"X-Request-ID": "mine-1"})
    assert own.headers["x-request-id"] == "mine-1"
    for given in ({}, {"X-Request-ID": "two words"}, {"X-Request-ID": "x" * 129}):
        found = httpx.get(f"{served.url}/nope", headers=given).headers["x-request-id"]
        assert found.startswith("req-") and len(found) == 36


def test_audit_lines_tell_who_and_how_much_and_never_what(serving, tmp_path):
    file = tmp_path / "audit.jsonl"
    with serving(keys=Keys([KEY]), audit=file) as s:
        with httpx.Client(base_url=s.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30) as client:
            client.post("/v1/chat/completions", json=CHAT, headers={"X-Request-ID": "mine"})
            made = client.post("/v1/adapters", json={"description": f"sort the {SECRET} words", "name": SECRET}).json()
            client.get("/v1/chat/completions")
            client.get("/health")
        httpx.post(f"{s.url}/v1/chat/completions", json=CHAT)
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET not in text and KEY not in text
    chat, create, wrong, stranger = map(json.loads, text.splitlines())
    assert chat["id"] == "mine" and chat["model"] == "base" and chat["completion_tokens"] == 3
    assert chat["route"] == "/v1/chat/completions" and chat["status"] == 200 and chat["key"] == create["key"]
    assert (create["adapter"], create["action"], create["status"]) == (made["id"], "made", 201)
    assert wrong["status"] == 405 and stranger["status"] == 401 and "key" not in stranger


def test_an_audit_file_that_cannot_be_written_is_told_at_the_start(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        Audit(tmp_path / "nowhere" / "audit.jsonl")


def test_spans_go_on_with_the_client_s_trace(serving, monkeypatch):
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from genlora.serve import _server
    from genlora.serve._tracing import Tracing

    found = InMemorySpanExporter()
    monkeypatch.setattr(_server, "Tracing", lambda: Tracing(found))
    trace = "0af7651916cd43dd8448eb211c80319c"
    with serving(otel=True) as s:
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        httpx.post(f"{s.url}/v1/chat/completions", json=CHAT, headers=headers)
        httpx.get(f"{s.url}/{SECRET}")
    chat, other = found.get_finished_spans()
    assert f"{chat.context.trace_id:032x}" == trace and chat.name == "POST /v1/chat/completions"
    assert chat.attributes["gen_ai.usage.output_tokens"] == 3 and chat.attributes["gen_ai.request.model"] == "base"
    assert other.attributes["http.response.status_code"] == 404
    assert SECRET not in str([dict(span.attributes) | {"name": span.name} for span in (chat, other)])


def test_what_an_extra_brings_is_asked_for_before_anything_is_loaded(monkeypatch):
    import importlib.util

    from genlora.serve import check_http

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n.startswith(("opentelemetry", "mcp")) else real(n)
    )
    check_http(HttpSettings())
    for settings, extra in ((HttpSettings(otel=True), "otel"), (HttpSettings(mcp=True), "mcp")):
        with pytest.raises(MissingExtraError, match=rf"genlora\[{extra}\]"):
            check_http(settings)


def test_pages_of_other_origins_are_let_in_only_by_name(served, serving):
    page = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    asked = httpx.options(f"{served.url}/v1/chat/completions", headers=page)
    assert asked.status_code >= 400 and "access-control-allow-origin" not in asked.headers
    with serving(cors_origins=("https://app.example.org",)) as s:
        asked = httpx.options(f"{s.url}/v1/chat/completions", headers=page)
        assert asked.status_code == 200 and asked.headers["access-control-allow-origin"] == page["Origin"]
        other = httpx.options(f"{s.url}/v1/chat/completions", headers={**page, "Origin": "https://evil.example.org"})
        assert "access-control-allow-origin" not in other.headers
        said = httpx.post(f"{s.url}/v1/chat/completions", json=CHAT, headers={"Origin": page["Origin"]})
        assert "X-Request-ID" in said.headers["access-control-expose-headers"]
    for wrong in ("*", "app.example.org", "https://app.example.org/path"):
        with pytest.raises(ConfigError, match="origin"):
            HttpSettings(cors_origins=(wrong,))


def test_the_page_and_the_document_ask_nobody_else_for_anything(served):
    document = httpx.get(f"{served.url}/openapi.json").json()
    page = httpx.get(f"{served.url}/docs")
    assert "<script" not in page.text and re.findall(r"(?:src|href)=(\S+?)>", page.text) == ["openapi.json"]
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert f"{method.upper()} {path}" in page.text and route["description"]

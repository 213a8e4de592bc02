"""Agents: the official MCP client on a real server."""

import json

import anyio
import httpx
import pytest

from genlora.serve import Keys

pytest.importorskip("mcp", reason="needs the extra: pip install 'genlora[mcp]'")
pytestmark = pytest.mark.usefixtures("allow_sockets")

KEY, OTHER = "k" * 32, "o" * 32


@pytest.fixture(scope="module")
def agents(serving):
    with serving(mcp=True, keys=Keys([KEY, OTHER]), library={"owners": 2}) as found:
        yield found


def calls(served, *wanted, key=KEY):
    """The results of tool calls in one session."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def talk():
        async with (
            httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
            streamable_http_client(f"{served.url}/mcp", http_client=client) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, [await session.call_tool(name, arguments) for name, arguments in wanted]

    return anyio.run(talk)


def test_an_agent_makes_an_adapter_and_asks_with_it(agents):
    tools, (made,) = calls(agents, ("generate", {"description": "put the words in order"}))
    assert {t.name for t in tools} == {"generate", "ask", "list_models", "forget"}
    assert all(t.outputSchema and t.inputSchema["additionalProperties"] is False for t in tools)
    card = made.structuredContent
    assert not made.isError and card["id"].startswith("genlora:") and "receipt" not in card
    assert json.loads(made.content[0].text) == card and len(made.content[0].text) < 3000
    _, (said, listed) = calls(
        agents, ("ask", {"model": card["id"], "input": "pear fig", "max_tokens": 4}), ("list_models", {})
    )
    assert said.structuredContent["tokens"] == 4 and said.structuredContent["finish_reason"] == "length"
    assert card["id"] in [m["id"] for m in listed.structuredContent["models"]]
    with httpx.Client(base_url=agents.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
        chat = {"model": card["id"], "messages": [{"role": "user", "content": "pear fig"}], "max_tokens": 4}
        text = client.post("/v1/chat/completions", json=chat).json()["choices"][0]["message"]["content"]
    assert said.structuredContent["text"] == text
    _, (others, stolen) = calls(agents, ("list_models", {}), ("ask", {"model": card["id"], "input": "pear"}), key=OTHER)
    assert card["id"] not in json.dumps(others.structuredContent) and stolen.isError
    _, (gone, again) = calls(agents, ("forget", {"adapter": card["id"]}), ("forget", {"adapter": card["id"]}))
    assert gone.structuredContent == {"deleted": card["id"]} and again.isError


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("generate", {}, "a description, examples of the task, or both"),
        ("generate", {"description": ""}, "description"),
        ("generate", {"description": "sort", "rank": 3}, "rank"),
        ("ask", {"model": "nobody", "input": "x"}, "no model here"),
        ("ask", {"model": "base"}, "input"),
        ("ask", {"model": "base", "input": "x", "max_tokens": 10**9}, "max_tokens"),
    ],
)
def test_what_goes_wrong_is_said_in_words(agents, tool, arguments, says):
    _, (found,) = calls(agents, (tool, arguments))
    assert found.isError and says in found.content[0].text and "Traceback" not in found.content[0].text


def test_an_agent_needs_a_key_and_the_server_s_leave(agents, served):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accepted = {"Accept": "application/json, text/event-stream"}
    assert httpx.post(f"{agents.url}/mcp", json=call, headers=accepted).status_code == 401
    assert httpx.post(f"{served.url}/mcp", json=call, headers=accepted).status_code == 404

"""The demo's firewall by itself: bodies that do not arrive."""

import asyncio

from genlora_app._firewall import Firewall


def test_a_body_that_trickles_is_given_up(tmp_path):
    async def never_reached(scope, receive, send):
        raise AssertionError("a half body got through")

    async def trickling():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def ask():
        sent = []

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/gradio_api/queue/join",
            "headers": [(b"host", b"localhost")],
        }
        firewall = Firewall(never_reached, files=tmp_path, hosts=None, body_s=0.1)
        await asyncio.wait_for(firewall(scope, trickling, send), 10)
        return sent

    start, body = asyncio.run(ask())
    assert start["status"] == 408 and b"did not arrive within 0.1 s" in body["body"]

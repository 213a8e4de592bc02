"""Reading what clients send, no more and no longer than allowed, and noticing when they leave."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Receive, Scope

from .._errors import ApiError, bad
from .._settings import Limits
from ._connections import BODY_RATE

Result = TypeVar("Result")

JSON = "application/json"
_DISCARD = 32 << 20
"""Bytes of a refused request that are read and thrown away: a client that is still sending could not hear us."""
_DISCARD_S = 10


class Gone(Exception):
    """The client has left."""


async def until_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when the client leaves. Raises `Gone` then."""
    doing = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Gone
        return doing.result()
    finally:
        for task in (doing, watching):
            task.cancel()
        await asyncio.gather(doing, watching, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def body_type(request: Request) -> str:
    """The media type of a request's body, without parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def read_body(request: Request, limits: Limits, *, kind: str = JSON, most: int | None = None) -> bytes:
    """A request's body. Raises `ApiError` for another type, too many bytes, or one that does not arrive."""
    most = limits.body_bytes if most is None else most
    if body_type(request) != kind:
        # A browser may send other types from any page without asking; for this one it asks, and nobody answers.
        await discard(request.scope, request.receive)
        raise ApiError(415, f"expected Content-Type: {kind}.", code="unsupported_media_type")
    too_large = ApiError(
        413, f"the body is over {most:,} bytes, which is all this server reads. Send less.", code="too_large"
    )
    try:
        announced = int(request.headers.get("content-length", "0"))
    except ValueError:
        raise bad("Content-Length is not a number.") from None
    if announced > most:
        await discard(request.scope, request.receive)
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_s) as allowed:
            began = asyncio.get_running_loop().time()
            async for chunk in request.stream():
                body += chunk
                allowed.reschedule(began + limits.body_s + len(body) / BODY_RATE)
                if len(body) > most:
                    body.clear()
                    await discard(request.scope, request.receive)
                    raise too_large
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {limits.body_s:g} s. Send it at once.") from None
    return bytes(body)


async def discard(scope: Scope, receive: Receive) -> None:
    """Read a refused request's body and keep nothing of it, so that the client can hear the refusal.

    Not where the client waits for our word before it sends (Expect: 100-continue), nor beyond 32 MiB.
    """
    headers = dict(scope["headers"])
    if b"expect" in headers:
        return
    try:
        if int(headers.get(b"content-length", b"0")) > _DISCARD:
            return
    except ValueError:
        return
    read = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_S):
            while read <= _DISCARD:
                message = await receive()
                if message["type"] != "http.request":
                    return
                read += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return

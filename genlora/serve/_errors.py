"""Errors as OpenAI's clients expect them: a status, and {"error": {"message", "type", "param", "code"}}."""

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from genlora.errors import (
    AccuracyError,
    AdapterFormatError,
    BaseMismatchError,
    CancelledError,
    ConfigError,
    DescriptionError,
    EngineError,
    GenloraError,
    OverloadError,
    PolicyError,
    QuotaError,
    TaskError,
    UnknownGeneratorError,
    UnknownJobError,
    UnknownModelError,
    UnsafeFormatError,
)

log = logging.getLogger(__name__)

INVALID = "invalid_request_error"
SERVER = "server_error"
MAX_MESSAGE = 600
"""Longest error message, in characters: what a client sent may be quoted in it."""


class ApiError(Exception):
    """A request is refused, and this is the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.code, self.param = status, message, kind, code, param
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The `error` object."""
        message = self.message if len(self.message) <= MAX_MESSAGE else self.message[: MAX_MESSAGE - 1] + "…"
        return {"error": {"message": message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        """The whole answer."""
        return json_response(self.body(), self.status, headers=self.headers)


def json_response(value: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    """JSON in ASCII: whatever text a client or model wrote, no byte of it is markup, control or half a character."""
    return Response(ascii_json(value), status, dict(headers or {}), "application/json")


def ascii_json(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def bad(message: str, param: str | None = None, *, code: str | None = None) -> ApiError:
    """A request that is wrong in itself: 400."""
    return ApiError(400, message, param=param, code=code)


_ANSWERS: dict[type[GenloraError], tuple[int, str, str | None]] = {
    UnknownModelError: (404, "model_not_found", "model"),
    UnknownJobError: (404, "job_not_found", None),
    QuotaError: (403, "quota_exceeded", None),
    AccuracyError: (422, "accuracy_too_low", "min_accuracy"),
    CancelledError: (409, "cancelled", None),
    PolicyError: (400, "content_policy_violation", "description"),
    DescriptionError: (400, "invalid_description", "description"),
    TaskError: (400, "invalid_examples", "examples"),
    AdapterFormatError: (400, "invalid_adapter", None),
    UnsafeFormatError: (400, "invalid_adapter", None),
}
"""Status, code and parameter of errors whose message a client may read as it is."""


def from_error(err: Exception) -> ApiError:
    """What a client is told about an error. What is not the client's doing is logged, and told without details."""
    for kind, (status, code, param) in _ANSWERS.items():
        if isinstance(err, kind):
            return ApiError(status, str(err), code=code, param=param)
    match err:
        case ApiError():
            return err
        case OverloadError():
            return ApiError(
                429,
                str(err),
                kind="rate_limit_error",
                code="rate_limit_exceeded",
                headers={"Retry-After": str(max(1, math.ceil(err.retry_after)))},
            )
        case UnknownGeneratorError() | BaseMismatchError():  # their messages name folders of this machine
            log.warning("%s", err)
            return bad("that generator is not available on this server. Leave generator out.", "generator")
        case EngineError():
            return ApiError(503, str(err), kind=SERVER, code="engine_unavailable", headers={"Retry-After": "5"})
        case ConfigError():
            # Where a field of the request is to blame, the message begins with its name.
            name, colon, _ = str(err).partition(":")
            return bad(str(err), name if colon and name.isidentifier() else None)
        case GenloraError():
            log.error("%s: %s", type(err).__name__, err)
        case _:
            log.error("a request failed", exc_info=err)
    return ApiError(
        500, "the server could not do this; its log says why. Try again, or tell whoever runs it.", kind=SERVER
    )


def from_validation(err: ValidationError, body: Any) -> ApiError:
    """The first fault of a request body, in words and at a place that the client can find in what it sent."""
    faults: dict[tuple[str | int, ...], list[str]] = {}
    for fault in err.errors(include_url=False, include_context=False, include_input=False):
        place = _place_in(body, fault["loc"], missing=fault["type"] == "missing")
        faults.setdefault(place, []).append(_words(fault["type"], fault["msg"]))
    # Each member of a union has its own complaint; the one that followed the request furthest is about what was meant.
    place = max(faults, key=len)
    where = ".".join(str(part)[:60] for part in place)
    return bad(f"{where or 'the body'}: {', or '.join(dict.fromkeys(faults[place]))}.", where or None)


def _words(kind: str, message: str) -> str:
    if kind == "model_type":  # pydantic names our class
        return "input should be an object"
    message = message.removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _place_in(body: Any, location: tuple[str | int, ...], *, missing: bool) -> tuple[str | int, ...]:
    """The part of a fault's location that is the client's: names of types stand between its own keys and indices."""
    found: list[str | int] = []
    for number, part in enumerate(location):
        wanted = missing and number == len(location) - 1
        if isinstance(body, dict) and isinstance(part, str) and (part in body or wanted):
            found.append(part)
            body = body.get(part)
        elif isinstance(body, list) and isinstance(part, int) and part < len(body):
            found.append(part)
            body = body[part]
    return tuple(found)

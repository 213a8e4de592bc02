"""Who asks: what access control has found out about a request, and what is noted of it while it is answered."""

import re
import uuid
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

_KEY = "genlora.caller"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_MOST_NAMES = 16


@dataclass
class Caller:
    """One request's."""

    id: str
    """Of the request: the client's own `X-Request-ID`, or one made here."""
    owner: str = ""
    """Stands for the key; empty where there are no keys."""
    noted: dict[str, Any] = field(default_factory=dict)
    """For the audit line and the span: ids and numbers, never what was said."""
    ignored: tuple[str, ...] = ()
    """Fields of the request that this server does not know and that ask for nothing."""

    @property
    def warning(self) -> str:
        """What goes into the header of that name; empty where there is nothing to tell."""
        if not self.ignored:
            return ""
        names = [name if _NAME.fullmatch(name) else "(a name with other signs)" for name in self.ignored]
        more = ["..."] if len(names) > _MOST_NAMES else []
        return f"ignored unknown fields: {', '.join([*dict.fromkeys(names[:_MOST_NAMES]), *more])}"


def new_caller(scope: MutableMapping[str, Any], given: str) -> Caller:
    """The caller of a request that has just come in with this `X-Request-ID`."""
    found = Caller(given if _ID.fullmatch(given) else f"req-{uuid.uuid4().hex}")
    scope[_KEY] = found
    return found


def caller_of(request: Request) -> Caller:
    """The caller of a request that passed access control."""
    return request.scope[_KEY]

"""Requests to the one server that the user named: no proxy, no redirect, a time limit, and replies of bounded size."""

import json
import ssl
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from genlora.errors import ConfigError, GenloraError, PushError
from genlora.hosts import is_loopback

MAX_REPLY = 8 << 20
_SHOWN = 300


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    data: bytes = field(repr=False)
    error: type[GenloraError] = field(default=PushError, repr=False)
    """What is raised where it cannot be read."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @cached_property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    @property
    def said(self) -> str:
        """The server's own words on one line, cut to 300 characters, for error messages."""
        found: Any = self._parsed()
        for key in ("error", "message", "error_message", "detail"):
            if isinstance(found, dict) and found.get(key):
                found = found[key]
        text = " ".join((found if isinstance(found, str) else self.text).split())
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"

    def _parsed(self) -> Any:
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    def json(self, where: str) -> Any:
        """The reply as JSON. Raises the remote's error."""
        found = self._parsed()
        if found is None:
            raise self.error(
                f"{where}: answered with something that is not JSON ({self.said[:80]!r}). Is it the right server, and "
                "the right kind? Check the URL."
            )
        return found


class Remote:
    """One HTTP server.

    Args:
        url: `http://` or `https://`, host, and port; a path in front of the routes is kept.
        key: sent as a bearer token with every request; never shown.
        timeout_s: limit of a whole request in seconds.
        key_from: where the user puts the key, for the message when it is refused.
        error: raised where the server does not answer as it should.

    Raises `ConfigError` for any other kind of URL, and for a key that would cross a network in the clear.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        key_from: str = "the variable that --key-env names ($GENLORA_SERVER_KEY by default)",
        error: type[GenloraError] = PushError,
    ) -> None:
        try:
            parts = urlsplit(url)
            _ = parts.port  # reading it is what checks it
        except ValueError as err:
            raise ConfigError(f"server {url[:120]!r}: not a URL ({err}). Expected http://HOST:PORT.") from err
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
            raise ConfigError(f"server {url[:120]!r}: expected http://HOST:PORT or https://HOST[:PORT].")
        if parts.username is not None or parts.query or parts.fragment:
            raise ConfigError("server: give only scheme, host, port and path; keys go into an environment variable.")
        if not 0 < timeout_s <= 3600:
            raise ConfigError(f"timeout must be over 0 and at most 3600 seconds, got {timeout_s}.")
        if key is not None and (not key.isascii() or not key.isprintable()):
            raise ConfigError("the server's key holds characters that a header cannot carry. Check the variable.")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        if key and parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ConfigError(
                f"{self.url}: the key would cross the network unencrypted. Use https://, or a tunnel to this machine."
            )
        self._key, self._timeout_s = key, timeout_s
        self._key_from, self._error = key_from, error

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> Reply:
        """`send`, where a redirect and a refused key are no answers. Raises its error."""
        found, where = self.send(method, path, body, raw=raw), f"{self.url}{path}"
        if 300 <= found.status < 400:
            raise self._error(
                f"{where}: sends us elsewhere ({found.status}), which is not followed. Give the final URL."
            )
        if found.status in (401, 403):
            raise self._error(
                f"{where}: refused the key ({found.status}: {found.said}). Put the server's key into {self._key_from}."
            )
        return found

    def send(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, limit: int = MAX_REPLY
    ) -> Reply:
        """One request; any HTTP status is an answer, of at most `limit` bytes. Redirects are not followed.

        Raises its error where no whole answer comes.
        """
        where = f"{self.url}{path}"
        ends = time.monotonic() + self._timeout_s
        try:
            with (
                # No proxy and no .netrc of the environment: the user named this server, and nobody else is to hear.
                httpx.Client(trust_env=False, timeout=self._timeout_s, verify=self._verify()) as client,
                client.stream(method, where, content=_content(body, raw), headers=self._headers(body, raw)) as reply,
            ):
                parts, total = [], 0
                for part in reply.iter_raw():
                    parts.append(part)
                    total += len(part)
                    if total > limit:
                        raise self._error(f"{where}: the answer is over {limit:,} bytes. Is it the right server?")
                    if time.monotonic() > ends:
                        raise self._too_slow(where)
                found = Reply(reply.status_code, b"".join(parts), self._error)
        except httpx.TimeoutException as err:
            raise self._too_slow(where) from err
        except (httpx.HTTPError, httpx.InvalidURL) as err:
            raise self._error(
                f"{where}: no answer ({_why(err)}). Is the server running, and is the URL right? Nothing else was sent."
            ) from err
        return found

    def _verify(self) -> ssl.SSLContext | bool:
        """The machine's own certificates, which know a company's servers; httpx would bring a list of its own."""
        return self.url.startswith("https://") and ssl.create_default_context()

    def _headers(self, body: Any, raw: bytes | None) -> dict[str, str]:
        # Uncompressed, so that a small answer cannot unfold into a large one.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "genlora", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        elif raw is not None:
            headers["Content-Type"] = "application/octet-stream"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return headers

    def _too_slow(self, where: str) -> GenloraError:
        return self._error(
            f"{where}: no whole answer within {self._timeout_s:g} s. The server may be busy or still starting; it may "
            "also have taken the request. Look at its log, or try again with a longer time limit."
        )


def _content(body: Any, raw: bytes | None) -> bytes | None:
    return raw if body is None else json.dumps(body).encode()


def _why(err: Exception) -> str:
    """What went wrong below HTTP, in the system's own words."""
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(err)[:120] or type(err).__name__

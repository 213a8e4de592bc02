"""Requests to the one server that the user named: no proxy, no redirect, a time limit, and replies of bounded size."""

import http.client
import ipaddress
import json
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from genlora.errors import ConfigError, PushError

MAX_REPLY = 8 << 20
_CHUNK = 1 << 16
_SHOWN = 300


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

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
        """The reply as JSON. Raises `PushError`."""
        found = self._parsed()
        if found is None:
            raise PushError(
                f"{where}: answered with something that is not JSON ({self.said[:80]!r}). Is it the right server? "
                "Check the URL and --to."
            )
        return found


class Remote:
    """One HTTP server.

    Args:
        url: `http://` or `https://`, host, and port; a path in front of the routes is kept.
        key: sent as a bearer token with every request; never shown.
        timeout_s: limit of a whole request in seconds.

    Raises `ConfigError` for any other kind of URL, and for a key that would cross a network in the clear.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout_s: float = 60.0) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
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
        self._secure, self._host, self._port, self._prefix = (
            parts.scheme == "https",
            parts.hostname,
            port,
            parts.path.rstrip("/"),
        )
        if key and not self._secure and not _is_loopback(self._host):
            raise ConfigError(
                f"{self.url}: the key would cross the network unencrypted. Use https://, or a tunnel to this machine."
            )
        self._key, self._timeout_s = key, timeout_s

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> Reply:
        """One request; any HTTP status is an answer. Raises `PushError` where no answer comes."""
        headers = {"Accept": "application/json", "User-Agent": "genlora", "Connection": "close"}
        data = raw
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        elif raw is not None:
            headers["Content-Type"] = "application/octet-stream"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        ends = time.monotonic() + self._timeout_s
        where = f"{self.url}{path}"
        connection = self._connection()
        try:
            connection.request(method, self._prefix + path, body=data, headers=headers)
            reply = connection.getresponse()
            found = Reply(reply.status, self._read(reply, ends, where).decode("utf-8", "replace"))
        except TimeoutError as err:
            raise self._too_slow(where) from err
        except (OSError, http.client.HTTPException) as err:
            raise PushError(
                f"{where}: no answer ({_why(err)}). Is the server running, and is the URL right? Nothing else was sent."
            ) from err
        finally:
            connection.close()
        if 300 <= found.status < 400:
            raise PushError(f"{where}: sends us elsewhere ({found.status}), which is not followed. Give the final URL.")
        if found.status in (401, 403):
            raise PushError(
                f"{where}: refused the key ({found.status}: {found.said}). Put the server's key into the variable that "
                "--key-env names ($GENLORA_SERVER_KEY by default)."
            )
        return found

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)

    def _read(self, reply: http.client.HTTPResponse, ends: float, where: str) -> bytes:
        parts, total = [], 0
        while part := reply.read1(_CHUNK):
            parts.append(part)
            total += len(part)
            if total > MAX_REPLY:
                raise PushError(f"{where}: the answer is over {MAX_REPLY:,} bytes. Is it the right server?")
            if time.monotonic() > ends:
                raise self._too_slow(where)
        return b"".join(parts)

    def _too_slow(self, where: str) -> PushError:
        return PushError(
            f"{where}: no whole answer within {self._timeout_s:g} s. The server may be busy or still starting; it may "
            "also have taken the request. Look at its log, or try again with a longer --timeout."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _why(err: Exception) -> str:
    if isinstance(err, socket.gaierror):
        return "the host's name is unknown"
    if isinstance(err, ssl.SSLError):
        return f"TLS: {err.reason or err}"
    return getattr(err, "strerror", None) or f"{type(err).__name__}: {err}"[:120]

"""What an HTTP server is told at its start: where it listens, who may ask, and how much. Free of torch and FastAPI."""

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from genlora.errors import ConfigError
from genlora.hosts import is_loopback

KEYS_VARIABLE = "GENLORA_API_KEYS"
LEAST_KEY = 16
"""Shortest API key, in characters: shorter ones can be guessed."""
_MAX_KEYS_BYTES = 1 << 20
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_NEW_KEY = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one request, and all together, may ask for. Raises `ConfigError` for values out of range."""

    body_bytes: int = 1 << 20
    """Largest request body."""
    body_s: float = 30.0
    """Longest time a body may take to arrive, in seconds, and one more for every 256 KiB that have come."""
    prompt_chars: int = 64_000
    """Longest prompt, in characters, before it is tokenised; the engine's `max_length` bounds its tokens."""
    max_tokens: int = 1024
    """Most tokens an answer may have."""
    examples: int = 64
    """Most examples an adapter may be made from."""
    example_chars: int = 4_000
    """Longest example, input and output together, in characters."""
    requests: int = 1024
    """Most requests that are looked after at the same time, whatever they are."""
    connections: int = 1024
    """Most connections at the same time; fewer where the process may not open that many files."""
    address_connections: int = 256
    """Most connections of one address; a reverse proxy is one address."""
    head_s: float = 10.0
    """Longest time a request's head may take to arrive, in seconds."""
    write_s: float = 30.0
    """Longest time a client may read nothing of its answer, in seconds."""
    upload_bytes: int = 64 << 20
    """Largest adapter that a client may bring, packed and unpacked."""
    answers: int = 128
    """Most answers to one request: prompts times `n`."""
    key_tokens: int | None = None
    """Tokens a minute for each key, prompts and answers together; None: as many as it wants."""
    drain_s: float = 60.0
    """How long running answers may take to end once the server was told to stop, in seconds."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise ConfigError(f"the limit {name} must be over 0, got {value}. Choose a larger number.")


class Keys:
    """API keys, kept as digests. Empty: everybody may ask."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        found = tuple(keys)
        for key in found:
            if len(key) < LEAST_KEY or not (key.isascii() and key.isprintable()) or " " in key:
                raise ConfigError(
                    f"an API key has {len(key)} characters or others than letters, digits and signs; expected at "
                    f"least {LEAST_KEY} without spaces. Make one with: {_NEW_KEY}"
                )
        self._digests = tuple(dict.fromkeys(hashlib.sha256(k.encode()).digest() for k in found))

    def __len__(self) -> int:
        return len(self._digests)

    def __repr__(self) -> str:
        return f"Keys({len(self)})"

    def owner(self, given: str) -> str | None:
        """What stands for `given` if it is one of the keys, else None.

        Takes the same time whichever it is, and however much of it is right.
        """
        digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
        right = False
        for known in self._digests:
            right |= hmac.compare_digest(digest, known)
        return hashlib.sha256(b"genlora owner" + digest).hexdigest()[:16] if right else None

    @classmethod
    def read(cls, file: Path | None = None) -> "Keys":
        """Keys of `file`, one a line (# begins a comment), and of `$GENLORA_API_KEYS`, split at commas and spaces.

        Never from arguments, which every user of the machine can read. Raises `ConfigError`.
        """
        found = os.environ.get(KEYS_VARIABLE, "").replace(",", " ").split()
        if file is not None:
            found += _lines(file)
        return cls(found)


def _lines(file: Path) -> list[str]:
    try:
        with file.open("rb") as f:
            others = stat.S_IMODE(os.fstat(f.fileno()).st_mode) & 0o077
            data = f.read(_MAX_KEYS_BYTES)
    except OSError as err:
        raise ConfigError(f"{file}: cannot be read ({err.strerror}). Expected API keys, one a line.") from err
    if others:
        raise ConfigError(f"{file}: other users of this machine can read the keys in it. Run: chmod 600 {file}")
    try:
        lines = [line.split("#")[0].strip() for line in data.decode().splitlines()]
    except UnicodeDecodeError as err:
        raise ConfigError(f"{file}: is not text (byte {err.start + 1}). Expected API keys, one a line.") from err
    keys = [line for line in lines if line]
    if not keys:
        raise ConfigError(f"{file}: holds no API key, expected one a line. Make one with: {_NEW_KEY}")
    return keys


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """Everything about the HTTP side of a server."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0 takes a free one."""
    keys: Keys = field(default_factory=Keys)
    limits: Limits = field(default_factory=Limits)
    temperature: float = 0.0
    """Where a request names none: 0, greedy, is what the adapters were trained and measured for."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may ask, such as https://app.example.org; by default none may."""
    mcp: bool = False
    """Whether agents may ask by the Model Context Protocol."""
    audit: Path | None = None
    """File that gets a line for each request: who, what and how much, never what was said."""
    otel: bool = False
    """Whether spans are sent to where `$OTEL_EXPORTER_OTLP_ENDPOINT` points."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port must be between 0 and 65535, got {self.port}. The usual choice is 8000.")
        if not 0 <= self.temperature <= 2:
            raise ConfigError(f"temperature must be between 0 and 2, got {self.temperature}. The usual choice is 0.")

        for origin in self.cors_origins:
            if not _ORIGIN.fullmatch(origin):
                raise ConfigError(
                    f"origin {origin[:80]!r} is not one. Expected scheme, host and perhaps a port, such as "
                    "https://app.example.org, and no path."
                )

    def share(self, most: int) -> int:
        """How much of `most` one owner may have: all, but half where there are several."""
        return most if len(self.keys) < 2 else max(1, most // 2)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

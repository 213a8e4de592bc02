"""The address of a shared bank: what libpq needs to connect, and what people may see of it, which is not the same."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from genlora.errors import ConfigError, MissingExtraError
from genlora.extras import missing_extra

SCHEMES = ("postgresql://", "postgres://")
DEFAULT_SCHEMA = "genlora"
_EXPECTED = (
    "expected postgresql://[USER@]HOST[:PORT]/DATABASE[?schema=NAME], or postgresql:///?service=NAME; "
    "spell special characters as in %40 for @"
)
_SECRET = ("password", "sslpassword", "passfile", "sslkey", "oauth_client_secret", "scram_client_key")

_PLAIN = {"host": r"[\w.\-/,:%]*", "port": r"[\d,]*", "dbname": r"[\w.\- ]*", "service": r"[\w.\- ]*"}
"""What may stand where a password must not."""


def missing_postgres() -> MissingExtraError:
    """The error for a machine without the extra."""
    return missing_extra("postgres", "psycopg", "pgvector", what="a bank on PostgreSQL")


def is_address(text: object) -> bool:
    """Whether this names a shared bank and not a folder."""
    return isinstance(text, str) and text.lower().startswith(SCHEMES)


@dataclass(frozen=True)
class BankAddress:
    """Where a shared bank is. `str` and `repr` show host, database and schema; never user, password or files."""

    label: str
    """`postgresql://HOST[:PORT]/DATABASE[?schema=NAME]`."""
    schema: str = field(repr=False)
    conninfo: dict[str, str] = field(repr=False, compare=False)
    """libpq's settings. Holds the password, if the URL did."""

    def __str__(self) -> str:
        return self.label

    @classmethod
    def parse(cls, url: str) -> "BankAddress":
        """Read a URL as libpq does, with `schema=NAME` besides. What is wrong with it is never quoted back."""
        try:
            from psycopg import Error
            from psycopg.conninfo import conninfo_to_dict
        except ImportError as err:
            raise missing_postgres() from err
        try:
            parts = urlsplit(url)
            query = [part.partition("=") for part in parts.query.split("&") if part]
            schemas = [value for key, _, value in query if key == "schema"] or [DEFAULT_SCHEMA]
            rest = "&".join(key + equals + value for key, equals, value in query if key != "schema")
            conninfo = conninfo_to_dict(f"postgresql://{parts.netloc}{parts.path}{'?' + rest if rest else ''}")
            for key, pattern in _PLAIN.items():
                # A password with an @ or : in it would otherwise be taken for one of these, and shown.
                if not re.fullmatch(pattern, str(conninfo.get(key) or "")) or parts.fragment:
                    raise ValueError(key)
        except (ValueError, Error):
            # The parser's own words may quote a piece of the password.
            raise ConfigError(f"the bank's address cannot be read: {_EXPECTED}.") from None
        if len(schemas) != 1 or not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schemas[0]) or schemas[0][:3] == "pg_":
            raise ConfigError(
                "the schema in a bank's address must be given once, as 1 to 63 of a-z 0-9 _ that start with neither a "
                "digit nor pg_. The default is genlora."
            )
        settings = {key: str(value) for key, value in conninfo.items() if value is not None}
        return cls(_label(settings, schemas[0]), schemas[0], settings)

    def hide(self, text: str) -> str:
        """`text` on one line, without the passwords that are known here."""
        secrets = [self.conninfo.get(key, "") for key in _SECRET] + [os.environ.get("PGPASSWORD", "")]
        for secret in sorted((s for s in secrets if len(s) > 2), key=len, reverse=True):
            text = text.replace(secret, "***")
        return " ".join(text.split())


def _label(settings: dict[str, str], schema: str) -> str:
    host, port = settings.get("host", ""), settings.get("port", "")
    extra = [(key, settings[key]) for key in ("service",) if key in settings]
    if host.startswith("/"):  # a folder of sockets
        extra.insert(0, ("host", host))
        host = ""
    if schema != DEFAULT_SCHEMA:
        extra.append(("schema", schema))
    query = "&".join(f"{key}={value}" for key, value in extra)
    where = host + (f":{port}" if port else "")
    return f"postgresql://{where}/{settings.get('dbname', '')}{'?' + query if query else ''}"


def is_bank(place: Path | BankAddress) -> bool:
    """Whether there is a bank, or at an address could be one."""
    return isinstance(place, BankAddress) or (place / "bank.sqlite").is_file()


def place_of(path: "Path | str | BankAddress") -> Path | BankAddress:
    """What a user named: a folder, or the address of a shared bank."""
    if isinstance(path, BankAddress):
        return path
    return BankAddress.parse(str(path)) if is_address(path) else Path(path)

"""Settings, all from environment variables that start with GENLORA_VLLM_."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

PREFIX = "GENLORA_VLLM_"


class SettingsError(ValueError):
    """A variable has a value that makes no sense; vLLM then does not start, and the message says why."""


@dataclass(frozen=True)
class Settings:
    """What the operator allows."""

    store: Path
    """STORE: the folder that `genlora push` fills, and that fetched adapters are laid into. Setting it opts in."""
    service: str | None = None
    """SERVICE: URL of a `genlora serve` to fetch adapters from; none: the store only."""
    key: str | None = field(default=None, repr=False)
    """KEY: bearer key of that service."""
    descriptions: bool = False
    """DESCRIPTIONS=1: names `genlora:` and a sentence are sent to the service, which makes an adapter."""
    base: str | None = None
    """BASE: the base's name in adapters, where it is not the last part of vLLM's --model."""
    max_chars: int = 500
    """MAX_CHARS: longest description."""
    max_rank: int = 16
    """MAX_RANK: the server's --max-lora-rank."""
    max_running: int = 2
    """MAX_RUNNING: fetches and generations at the same time."""
    max_waiting: int = 32
    """MAX_WAITING: how many more may wait; the rest is refused at once."""
    per_minute: int = 60
    """PER_MINUTE: new names that are looked for in any minute; the rest is refused."""
    max_names: int = 10_000
    """MAX_NAMES: names that are resolved in the life of a server, which never forgets one."""
    max_bytes: int = 8 << 30
    """MAX_BYTES: size of the store beyond which nothing is fetched. Nothing is ever deleted."""
    timeout_s: float = 60.0
    """TIMEOUT_S: limit of one fetch or generation."""
    negative_s: float = 30.0
    """NEGATIVE_S: how long a name that was not found is not looked for again."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self | None:
        """The settings, or None where `GENLORA_VLLM_STORE` is not set. Raises `SettingsError`."""
        given = {k.removeprefix(PREFIX): v for k, v in environ.items() if k.startswith(PREFIX) and v != ""}
        if "STORE" not in given:
            return None
        store = Path(given.pop("STORE"))
        if not store.is_absolute() or not store.is_dir():
            raise SettingsError(
                f"{PREFIX}STORE={str(store)[:120]!r}: expected the absolute path of a folder that exists. Make it, or "
                "give the one that `genlora push --store` fills."
            )
        names = {name.upper(): name for name in cls.__dataclass_fields__ if name != "store"}
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise SettingsError(f"{PREFIX}{unknown[0][:60]}: no such setting; there are {', '.join(sorted(names))}.")
        values = {names[name]: _value(names[name], text) for name, text in given.items()}
        found = cls(store=store, **values)  # pyright: ignore[reportArgumentType]
        found._check()
        return found

    def _check(self) -> None:
        if self.descriptions and self.service is None:
            raise SettingsError(f"{PREFIX}DESCRIPTIONS needs {PREFIX}SERVICE, which makes the adapters.")
        if self.service is None:
            return
        from genlora.errors import ConfigError
        from genlora.push import Remote

        try:
            Remote(self.service, key=self.key, timeout_s=self.timeout_s)
        except ConfigError as err:
            raise SettingsError(f"{PREFIX}SERVICE, {PREFIX}KEY or {PREFIX}TIMEOUT_S: {err}") from err


def _value(name: str, text: str) -> object:
    """The variable's text as the field's type."""
    kind = type(Settings.__dataclass_fields__[name].default)
    try:
        if kind is bool:
            return {"0": False, "1": True, "false": False, "true": True}[text.lower()]
        if kind in (int, float):
            number = kind(text)
            if not 0 < number < 2**53:
                raise ValueError
            return number
    except (KeyError, ValueError) as err:
        wanted = "0 or 1" if kind is bool else f"a positive {'number' if kind is float else 'whole number'}"
        raise SettingsError(f"{PREFIX}{name.upper()}={text[:40]!r}: expected {wanted}.") from err
    return text.rstrip("/") if name == "service" else text

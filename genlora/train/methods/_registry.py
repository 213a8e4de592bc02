"""Every training method by name, along four seams: where training starts, what is trained, how a step is taken, and
which modules get which rank. One table a seam; a method's file enters itself by a decorator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from genlora.errors import ConfigError

T = TypeVar("T")
Value = bool | int | float | str

SEAMS = ("init", "structure", "rule", "allocate")
AXES = ("rank", "dynamics", "initialisation", "mixture")
"""LoRAFactory's taxonomy (arXiv 2601.22708): what a variant of LoRA changes."""


@dataclass(frozen=True)
class Option:
    """A setting of one method: its default, what it means, and what it may be."""

    default: Value
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def read(self, value: Any, *, where: str) -> Value:
        """`value` in the default's type, whether typed or written. Raises `ConfigError`."""
        kind = type(self.default)
        try:
            if kind is bool:
                found: Value = {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
            else:
                found = kind(value)
            if kind is int and float(value) != found:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[kind]
            raise ConfigError(f"{where} is {str(value)[:60]!r}, expected {wanted}; {self.default} is usual.") from None
        if self.choices and found not in self.choices:
            raise ConfigError(f"{where} is {str(value)[:60]!r}, expected one of {', '.join(self.choices)}.")
        low, high = (
            (-float("inf") if self.low is None else self.low),
            (float("inf") if self.high is None else self.high),
        )
        if not isinstance(found, str) and not low <= found <= high:
            bounds = f"{low:g} to {high:g}" if high < float("inf") else f"at least {low:g}"
            raise ConfigError(f"{where} is {str(value)[:60]}, expected {bounds}; {self.default} is usual.")
        return found


@dataclass(frozen=True)
class Method:
    """One method of one seam: what a user must know to choose it, and what makes it."""

    name: str
    seam: str
    axis: str
    title: str
    """What it does, in a line."""
    source: str
    """The paper; and where the arithmetic is taken from a library, that library."""
    cost: str
    """What it costs over plain LoRA, in time and memory."""
    when: str
    """When to choose it."""
    make: Callable[..., Any] = field(repr=False)
    """Called with the method's options as keywords."""
    options: Mapping[str, Option] = field(default_factory=dict)
    traits: frozenset[str] = frozenset()
    """What `_combine` has to know of it."""

    def to_json(self) -> dict[str, Any]:
        defaults = {k: {"default": o.default, "help": o.help} for k, o in self.options.items()}
        words = {k: getattr(self, k) for k in ("name", "seam", "axis", "title", "source", "cost", "when")}
        return words | {"options": defaults}


REGISTRY: dict[str, dict[str, Method]] = {seam: {} for seam in SEAMS}


def method(
    seam: str,
    name: str,
    *,
    axis: str,
    title: str,
    source: str,
    cost: str,
    when: str,
    options: Mapping[str, Option] | None = None,
    traits: tuple[str, ...] = (),
) -> Callable[[T], T]:
    """Enter what is decorated, a class or function that takes the options as keywords, into its seam's table."""
    assert seam in SEAMS and axis in AXES and name not in REGISTRY[seam]

    def enter(make: T) -> T:
        assert callable(make)
        REGISTRY[seam][name] = Method(
            name, seam, axis, title, source, cost, when, make, dict(options or {}), frozenset(traits)
        )
        return make

    return enter


def find(seam: str, name: str) -> Method:
    """The method of that name. Raises `ConfigError`, which lists the names there are."""
    if name not in REGISTRY[seam]:
        raise ConfigError(
            f"no {seam} is called {name[:60]!r}; expected one of {', '.join(REGISTRY[seam])}. See: genlora methods list"
        )
    return REGISTRY[seam][name]


def all_methods() -> list[Method]:
    """Every method, seam after seam, in the order of their tables."""
    return [m for seam in SEAMS for m in REGISTRY[seam].values()]


def methods_called(name: str) -> list[Method]:
    """The methods of that name: one, or two where an init and an allocation are halves of the same paper.

    Raises `ConfigError`.
    """
    found = [m for m in all_methods() if m.name == name]
    if not found:
        names = ", ".join(dict.fromkeys(m.name for m in all_methods()))
        raise ConfigError(f"no method is called {name[:60]!r}; expected one of {names}. See: genlora methods list")
    return found

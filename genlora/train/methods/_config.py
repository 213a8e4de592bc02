"""Which methods an expert is trained with; refuses what does not go together when it is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from genlora.errors import ConfigError

from ._combine import refusal
from ._registry import Method, Value, find


@dataclass(frozen=True, kw_only=True)
class MethodConfig:
    """Names along the four seams, and settings that differ from their defaults. As it is, plain LoRA with AdamW.

    Raises `ConfigError` for a name or option that is not there, a value outside its bounds, and methods that do not go
    together.
    """

    init: str = "common"
    """Where A and B start."""
    structure: str = "lora"
    """What is trained, and how A and B follow from it."""
    rules: tuple[str, ...] = ("adamw",)
    """How a step is taken; at most one of them replaces the optimiser."""
    allocate: str = "uniform"
    """Which modules get which rank."""
    options: Mapping[str, Value] = field(default_factory=dict)
    """`{option: value}`, or `{method.option: value}` where two of the methods have an option of that name."""

    def __post_init__(self) -> None:
        rules = tuple(r for r in self.rules if r != "adamw") or ("adamw",)
        object.__setattr__(self, "rules", rules)
        chosen = self.methods
        object.__setattr__(self, "options", _read_options(chosen, self.options))
        why = refusal(chosen[0], chosen[1], chosen[2:-1], dict(self.options_of(chosen[1])))
        why = why or self._alone() or self._sharing()
        if why:
            raise ConfigError(f"{why} Choose others: genlora methods list")

    def _alone(self) -> str | None:
        """Why what trains the model's own weights does not go with the rest, or None."""
        others = (self.init, self.structure, self.rules, self.allocate) != ("common", "lora", ("lisa",), "uniform")
        if not (self.full and others):
            return None
        return "rule lisa in mode full trains the base's own weights, and goes with no other method."

    def _sharing(self) -> str | None:
        """Why modules cannot share an adapter here, or None."""
        if not any(self.options_of(m).get("shared") is True for m in self.methods if m.seam == "allocate"):
            return None
        if self.init != "common" or self.structure != "lora":
            return "modules share an adapter with structure lora and init common only: others start from each weight."
        if "lisa" in self.rules:
            return "rule lisa moves blocks one by one, and modules that share an adapter lie in many of them."
        return None

    @property
    def full(self) -> bool:
        """Whether the base's own weights are trained, one expert at a time."""
        return any(self.options_of(m).get("mode") == "full" for m in self.methods if m.name == "lisa")

    @property
    def methods(self) -> tuple[Method, ...]:
        """init, structure, rules and allocation, in this order."""
        rules = (find("rule", r) for r in self.rules)
        return (find("init", self.init), find("structure", self.structure), *rules, find("allocate", self.allocate))

    @property
    def plain(self) -> bool:
        """Whether this is LoRA as it always was."""
        return self == MethodConfig()

    def options_of(self, chosen: Method) -> dict[str, Value]:
        """All options of one of the methods, defaults where nothing else was said."""
        found = {}
        for name, option in chosen.options.items():
            found[name] = self.options.get(f"{chosen.name}.{name}", self.options.get(name, option.default))
        return found

    def make(self, seam: str) -> Any:
        """What the method of this seam makes; for `rule`, a list."""
        made = [m.make(**self.options_of(m)) for m in self.methods if m.seam == seam]
        return made if seam == "rule" else made[0]

    def to_json(self) -> dict[str, Any]:
        """How an expert was made, for its card: names, and every option's value."""
        names = {"init": self.init, "structure": self.structure, "rules": list(self.rules), "allocate": self.allocate}
        return names | {"options": {f"{m.name}.{k}": v for m in self.methods for k, v in self.options_of(m).items()}}

    def to_settings(self) -> dict[str, Any]:
        """The fields alone, which make the same config again: what a run is compared by."""
        names = {"init": self.init, "structure": self.structure, "rules": list(self.rules), "allocate": self.allocate}
        return names | {"options": dict(self.options)}

    @classmethod
    def read(
        cls,
        *,
        init: str = "common",
        structure: str = "lora",
        rules: str = "adamw",
        allocate: str = "uniform",
        options: Iterable[str] = (),
    ) -> Self:
        """From words as a command line has them: rules with commas between, options as `key=value`."""
        pairs: dict[str, Value] = {}
        for text in options:
            key, equals, value = text.partition("=")
            if not equals or not key.strip():
                raise ConfigError(f"method option {text[:60]!r} is not of the form key=value. Write e.g. gamma=16.")
            if key.strip() in pairs:
                raise ConfigError(f"method option {key.strip()[:60]!r} is given twice. Give it once.")
            pairs[key.strip()] = value.strip()
        names = tuple(r.strip() for r in rules.split(",") if r.strip())
        return cls(init=init, structure=structure, rules=names, allocate=allocate, options=pairs)


def _read_options(chosen: tuple[Method, ...], options: Mapping[str, Any]) -> dict[str, Value]:
    """The options that differ from their defaults, typed. Raises `ConfigError`."""
    found: dict[str, Value] = {}
    for key, value in options.items():
        owner, _, name = key.rpartition(".")
        owners = [m for m in chosen if name in m.options and owner in ("", m.name)]
        if not owners:
            there = ", ".join(f"{m.name}.{k}" for m in chosen for k in m.options) or "none"
            raise ConfigError(f"no chosen method has an option {key[:60]!r}; the options there are: {there}.")
        kinds = {(m.name, m.seam) for m in owners}
        if len({m.name for m in owners}) > 1:
            both = " or ".join(sorted(f"{m}.{name}" for m, _ in kinds))
            raise ConfigError(f"option {key!r} is of more than one chosen method. Write {both}.")
        for m in owners:
            read = m.options[name].read(value, where=f"{m.name}.{name}")
            if read != m.options[name].default:
                found[key] = read
    return found

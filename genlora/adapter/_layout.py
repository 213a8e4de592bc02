"""What an adapter must know of its base without loading it: module names, shapes, head counts, name, fingerprint."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

from genlora.errors import ManifestError


@dataclass(frozen=True)
class ModuleSpec:
    """A linear module of the base: its path, and its weight's shape (d_out, d_in)."""

    path: str
    d_in: int
    d_out: int

    @property
    def leaf(self) -> str:
        """Last part of the path, as PEFT's `target_modules` names it."""
        return self.path.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class BaseLayout:
    """The shape of a base model, as a value. `modules` lists every attention and MLP projection of every layer."""

    name: str
    """What goes into `base_model_name_or_path`."""
    architecture: str
    """transformers' `model_type`: llama, qwen2, mistral, gemma3_text, ..."""
    fingerprint: str
    """Hex digest that identifies the base's weights, config and tokenizer."""
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    modules: tuple[ModuleSpec, ...]
    licence: str = "unknown"

    @cached_property
    def by_path(self) -> dict[str, ModuleSpec]:
        return {m.path: m for m in self.modules}

    @cached_property
    def by_tail(self) -> dict[str, str]:
        """{`layers.N....`: path}, whatever a model puts in front of its decoder."""
        return {m.path[m.path.find("layers.") :]: m.path for m in self.modules}

    def of(self, leaves: Iterable[str]) -> tuple[ModuleSpec, ...]:
        """Every module whose leaf name is one of `leaves`, in layer order."""
        wanted = set(leaves)
        return tuple(m for m in self.modules if m.leaf in wanted)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any], *, where: str = "layout") -> Self:
        try:
            modules = tuple(ModuleSpec(str(m["path"]), int(m["d_in"]), int(m["d_out"])) for m in data["modules"])
            return cls(
                name=str(data["name"]),
                architecture=str(data["architecture"]),
                fingerprint=str(data["fingerprint"]),
                n_layers=int(data["n_layers"]),
                n_heads=int(data["n_heads"]),
                n_kv_heads=int(data["n_kv_heads"]),
                head_dim=int(data["head_dim"]),
                modules=modules,
                licence=str(data.get("licence", "unknown")),
            )
        except (KeyError, TypeError, ValueError) as err:
            raise ManifestError(
                f"{where}: not a base layout ({err!r}). Expected the fields of BaseLayout; write it anew."
            ) from err

"""Other people's `adapter_config.json`: every value must be one that changes nothing, or that folds.

PEFT 0.21 writes 41 keys, older ones wrote others, newer ones will. Those that only matter in training are accepted with
any harmless value, those that change the update are folded (`use_rslora`, literal `rank_pattern` and `alpha_pattern`),
unknown ones are accepted where they say nothing (null, false, empty), and the rest is refused by name. Nothing from the
file is ever compiled as a regular expression or imported.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from genlora.errors import AdapterFormatError

from ._algebra import MAX_RANK
from ._layout import BaseLayout, ModuleSpec

_LITERAL = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*")
_PLAIN_INITS = (True, False, "gaussian", "eva", "orthogonal")
ALL_LINEAR = "all-linear"
"""PEFT's word for every linear module but the output layer."""
_NEVER_TARGETS = {"lm_head", "embed_tokens", "wte", "wpe", "embeddings", "score", "classifier"}


def _literal(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 256 and _LITERAL.fullmatch(value) is not None


def _names(value: object) -> bool:
    return isinstance(value, list) and all(_literal(v) for v in value)


def _number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value <= 1e6  # type: ignore[arg-type]


def _index(value: object) -> bool:
    return type(value) is int and 0 <= value < 10_000


def _text(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 1024)


def _among(*allowed: object) -> Callable[[Any], bool]:
    return lambda value: any(value == a and type(value) is type(a) for a in allowed)


def _rank(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_RANK


def _pattern(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, dict) and all(_literal(k.removeprefix("^")) and check(v) for k, v in value.items())
    )


def _flat(value: object) -> bool:
    """A few plain values by name."""
    return isinstance(value, dict) and len(value) <= 32 and all(_scalar(v) for v in value.values())


def _scalar(value: object) -> bool:
    return _text(value) or type(value) in (bool, int, float)


def _said(value: object) -> bool:
    """Whether a value says anything: null, false and what is empty do not."""
    return not (value is None or value is False or value in ("", [], {}))


_off = _among(None, False)
_unset = _among(None, [], {})

_ACCEPTED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "peft_type": (_among("LORA"), "expected 'LORA'"),
    "task_type": (_among("CAUSAL_LM", "FEATURE_EXTRACTION", None), "expected 'CAUSAL_LM'"),
    # Written where no task type was given, for PEFT to find the model's class again; nobody imports it here.
    "auto_mapping": (_flat, "expected null or a few plain values"),
    "peft_version": (_text, "expected a short text"),
    "base_model_name_or_path": (_text, "expected a short text"),
    "revision": (_text, "expected a short text"),
    "inference_mode": (_among(True, False), "expected true or false"),
    "r": (_rank, f"rank must be an integer in [1, {MAX_RANK}]"),
    "lora_alpha": (_number, "expected a number in [0, 1e6]"),
    "target_modules": (
        lambda v: v == ALL_LINEAR or _names(v),
        "expected a list of plain module names; a text would be a regular expression, which is not run. Write the "
        'names in its place, such as ["q_proj", "v_proj"]',
    ),
    "exclude_modules": (lambda v: v == "" or _names(v), "expected null or a list of plain module names"),
    "lora_dropout": (lambda v: _number(v) and v <= 1, "expected a number in [0, 1]"),
    # For Conv1D layers, which none of our bases has; for others PEFT itself takes it as false.
    "fan_in_fan_out": (_among(True, False), "expected true or false"),
    # Whether any was trained, the tensors tell.
    "bias": (_among("none", "all", "lora_only"), "expected 'none'"),
    "use_rslora": (_among(True, False), "expected true or false"),
    "modules_to_save": (_unset, "it replaces whole modules of the base"),
    "init_lora_weights": (_among(*_PLAIN_INITS), "this start changes the base's own weights, or is unknown"),
    "layers_to_transform": (
        lambda v: v is None or _index(v) or (isinstance(v, list) and all(map(_index, v))),
        "expected null or layer numbers",
    ),
    "layers_pattern": (_among("", [], "layers", ["layers"]), "expected null or 'layers'"),
    "merge_weights": (_among(True, False), "expected true or false"),
    "enable_lora": (_unset, "it adapts parts of fused projections"),
    "runtime_config": (_flat, "expected null or a few plain values"),
    "rank_pattern": (_pattern(_rank), f"expected literal module names with ranks in [1, {MAX_RANK}]"),
    "alpha_pattern": (_pattern(_number), "expected literal module names with numbers"),
    "megatron_config": (_unset, "Megatron layers are not supported"),
    "megatron_core": (_among(None, "megatron.core"), "it names a module to import"),
    "trainable_token_indices": (_unset, "trained tokens change the embeddings"),
    "loftq_config": (_unset, "LoftQ changes the base's own weights"),
    "eva_config": (_flat, "expected null or a few plain values"),
    "corda_config": (_unset, "CorDA changes the base's own weights"),
    "lora_ga_config": (_unset, "LoRA-GA changes the base's own weights"),
    "use_dora": (_off, "DoRA is not a plain LoRA: its update depends on the base's weights"),
    "velora_config": (_unset, "VeLoRA is not supported"),
    "alora_invocation_tokens": (_unset, "an activated LoRA works only after its invocation tokens"),
    "use_qalora": (_off, "QA-LoRA pools its inputs, which a plain LoRA cannot express"),
    "qalora_group_size": (_index, "expected a number"),
    "monteclora_config": (_unset, "MonteCLoRA samples its weights"),
    "layer_replication": (_unset, "replicated layers change the base's depth"),
    "lora_bias": (_off, "a bias in the LoRA layers is not a plain LoRA"),
    "target_parameters": (_unset, "bare parameters cannot be targeted in a portable adapter"),
    "use_bdlora": (_off, "block-diagonal LoRA is not a plain LoRA"),
    "arrow_config": (_unset, "Arrow routes between adapters"),
    "kasa_config": (_unset, "KaSA changes the base's own weights"),
    "ensure_weight_tying": (_off, "tied modules are not plain LoRA"),
}
_UNSAID = {"r": 8, "lora_alpha": 8}
"""What PEFT takes where a config does not name these."""
_NEVER_NULL = frozenset({"peft_type", "r", "lora_alpha", "target_modules", "lora_dropout", "bias"})
"""PEFT fails on null here; everywhere else it stands for its default, which changes nothing."""


@dataclass(frozen=True)
class ForeignConfig:
    """What remains of an audited config: module by module, which rank and which scale."""

    ranks: Mapping[str, int]
    scales: Mapping[str, float]
    specs: tuple[ModuleSpec, ...]
    base_name: str | None
    notes: tuple[str, ...]


def audit_config(raw: object, layout: BaseLayout, *, where: str) -> ForeignConfig:
    """Check every key of a parsed config and resolve it on a layout. Raises `AdapterFormatError` naming the key."""
    if not isinstance(raw, dict):
        raise AdapterFormatError(f"{where}: not a JSON object. Expected PEFT's adapter_config.json.")
    for key, value in raw.items():
        if key not in _ACCEPTED:
            if _said(value):
                raise AdapterFormatError(
                    f"{where}: key {key[:60]!r} is {str(value)[:60]!r}, and what it does is not known here. Take that "
                    "line out if it changes nothing, or save the adapter again as a plain LoRA."
                )
            continue
        accepts, why = _ACCEPTED[key]
        if not accepts(value) and (value is not None or key in _NEVER_NULL):
            raise AdapterFormatError(
                f"{where}: {key} is {str(value)[:60]!r}: {why}. Save or convert the adapter as a plain LoRA first."
            )
    if missing := [k for k in ("peft_type", "target_modules") if k not in raw]:
        raise AdapterFormatError(f"{where}: {missing[0]} is missing. Expected PEFT's adapter_config.json.")
    return _resolve({**_UNSAID, **raw}, layout, where, [k for k in _UNSAID if k not in raw])


def _suffixes(path: str) -> list[str]:
    """`a.b.c` gives `a.b.c`, `b.c`, `c`: the names by which PEFT finds a module."""
    parts = path.split(".")
    return [".".join(parts[i:]) for i in range(len(parts))]


def _layer_of(path: str) -> int | None:
    return next((int(part) for part in path.split(".") if part.isdecimal()), None)


def _resolve(raw: dict[str, Any], layout: BaseLayout, where: str, unsaid: list[str]) -> ForeignConfig:
    every = raw["target_modules"] == ALL_LINEAR
    targets = {m.leaf for m in layout.modules} if every else set(raw["target_modules"])
    if bad := sorted(t for t in targets if t.rsplit(".", 1)[-1] in _NEVER_TARGETS):
        raise AdapterFormatError(
            f"{where}: target_modules names {bad[0]!r}. Embeddings and heads cannot be part of a portable adapter; "
            "train it on attention and MLP projections."
        )
    excluded = set(raw.get("exclude_modules") or ())
    layers = raw.get("layers_to_transform")
    wanted = None if layers is None or layers == [] else {layers} if isinstance(layers, int) else set(layers)
    specs = []
    for spec in layout.modules:
        names = _suffixes(spec.path)
        hit = not targets.isdisjoint(names) and excluded.isdisjoint(names)
        if hit and (wanted is None or _layer_of(spec.path) in wanted):
            specs.append(spec)
    if not specs:
        raise AdapterFormatError(
            f"{where}: target_modules {sorted(targets)[:8]} match no projection of {layout.name}. "
            "Is it an adapter for another base?"
        )
    ranks, scales = _ranks_and_scales(raw, specs)
    notes = [f"{k} is not given: PEFT's own {_UNSAID[k]}" for k in unsaid] + _notes(raw, layout, ranks)
    return ForeignConfig(ranks, scales, tuple(specs), raw.get("base_model_name_or_path"), tuple(notes))


def _first_match(pattern: Mapping[str, Any], default: Any) -> Callable[[str], Any]:
    """PEFT's rule: the first key, in the file's order, that equals the path or its end ('^' asks for the whole)."""
    order = {key: i for i, key in enumerate(pattern)}

    def value_of(path: str) -> Any:
        found = [k for k in (*_suffixes(path), f"^{path}") if k in order]
        return pattern[min(found, key=order.__getitem__)] if found else default

    return value_of


def _ranks_and_scales(raw: dict[str, Any], specs: list[ModuleSpec]) -> tuple[dict[str, int], dict[str, float]]:
    rank_of = _first_match(raw.get("rank_pattern") or {}, raw["r"])
    alpha_of = _first_match(raw.get("alpha_pattern") or {}, raw["lora_alpha"])
    ranks = {s.path: rank_of(s.path) for s in specs}
    root = math.sqrt if raw.get("use_rslora") else float
    return ranks, {s.path: alpha_of(s.path) / root(ranks[s.path]) for s in specs}


def _notes(raw: dict[str, Any], layout: BaseLayout, ranks: Mapping[str, int]) -> list[str]:
    notes: list[str] = []
    if raw.get("use_rslora"):
        notes.append("rank-stabilised scaling folded into B")
    if raw.get("alpha_pattern"):
        notes.append("per-module alphas folded into B")
    if len(set(ranks.values())) > 1:
        notes.append(f"ranks {min(ranks.values())} to {max(ranks.values())} zero-padded to {max(ranks.values())}")
    name = raw.get("base_model_name_or_path")
    if name and name != layout.name:
        notes.append(f"its config names base {str(name)[:120]!r}; taken as {layout.name!r}")
    return notes

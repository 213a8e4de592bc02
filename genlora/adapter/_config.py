"""The portable profile's `adapter_config.json`: eighteen keys with one right value each, but for five of them."""

from typing import Any

from genlora.errors import AdapterFormatError
from genlora.files import canonical_json

from ._algebra import MAX_RANK
from ._layout import BaseLayout
from ._state import AdapterState

TARGET_SETS: tuple[tuple[str, ...], ...] = (
    ("q_proj", "k_proj", "v_proj"),
    ("q_proj", "k_proj", "v_proj", "o_proj"),
    ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
)
"""Sets of projections that survive the fused projections of servers."""

FIXED: dict[str, Any] = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "revision": None,
    "inference_mode": True,
    "auto_mapping": None,
    "lora_dropout": 0.0,
    "bias": "none",
    "fan_in_fan_out": False,
    "modules_to_save": None,
    "init_lora_weights": True,
    "layers_to_transform": None,
    "layers_pattern": None,
    "rank_pattern": {},
    "alpha_pattern": {},
}
"""Keys whose value never varies in an adapter that genlora writes."""

VARYING = ("base_model_name_or_path", "r", "lora_alpha", "target_modules")

PREFIX = "base_model.model."


def target_set(state: AdapterState, layout: BaseLayout) -> tuple[str, ...]:
    """The smallest servable set of projections that covers the adapter; all modules must be the layout's."""
    unknown = sorted(p for p in state if p not in layout.by_path)
    if unknown:
        raise AdapterFormatError(
            f"{unknown[0]}: not a projection of {layout.name} ({len(unknown)} such of {len(state)} modules). "
            "Expected attention and MLP projections of its layers; was the adapter made for another base?"
        )
    leaves = {layout.by_path[p].leaf for p in state}
    for names in TARGET_SETS:
        if leaves <= set(names):
            return names
    raise AdapterFormatError(
        f"projections {sorted(leaves)} fit none of the servable sets; expected a subset of {TARGET_SETS[-1]}."
    )


def portable_config(layout: BaseLayout, rank: int, targets: tuple[str, ...]) -> dict[str, Any]:
    """The eighteen keys for one base, rank and set of projections."""
    return {
        **FIXED,
        "base_model_name_or_path": layout.name,
        "r": rank,
        "lora_alpha": rank,
        "target_modules": list(targets),
    }


def config_bytes(layout: BaseLayout, rank: int, targets: tuple[str, ...]) -> bytes:
    """`adapter_config.json`, one spelling per content."""
    return canonical_json(portable_config(layout, rank, targets))


def config_faults(config: object) -> list[str]:
    """What keeps a parsed `adapter_config.json` from being portable, one sentence each; empty when it is."""
    if not isinstance(config, dict):
        return ["it is not a JSON object"]
    wanted = {*FIXED, *VARYING}
    faults = [f"key {k[:60]!r} is not of the profile" for k in sorted(set(config) - wanted)]
    faults += [f"key {k!r} is missing" for k in sorted(wanted - set(config))]
    for key, value in FIXED.items():
        if key in config and (config[key] != value or type(config[key]) is not type(value)):
            faults.append(f"{key} is {str(config[key])[:60]!r}, expected {value!r}")
    if not faults:
        faults += _varying_faults(config)
    return faults


def _varying_faults(config: dict[str, Any]) -> list[str]:
    faults = []
    r, alpha = config["r"], config["lora_alpha"]
    if type(r) is not int or not 1 <= r <= MAX_RANK:
        faults.append(f"r is {str(r)[:60]!r}, expected an integer in [1, {MAX_RANK}]")
    if type(alpha) is not int or alpha != r:
        faults.append(f"lora_alpha is {str(alpha)[:60]!r}, expected the integer r (scale folded into B)")
    if config["target_modules"] not in [list(names) for names in TARGET_SETS]:
        faults.append(f"target_modules is {str(config['target_modules'])[:120]}, expected one of {TARGET_SETS}")
    if not isinstance(config["base_model_name_or_path"], str) or not config["base_model_name_or_path"]:
        faults.append("base_model_name_or_path is not a non-empty string")
    return faults

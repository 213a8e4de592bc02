"""Importing other people's adapters: audit bytes and integers first, then construct, then fold and pad."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from genlora.errors import AdapterFormatError
from genlora.files import MAX_JSON_BYTES, parse_json, sha256_bytes

from ._algebra import energies, resize
from ._folder import MLX_WEIGHTS, AdapterFiles, audit_folder, explain_missing, open_weights, read_small
from ._foreign import audit_config
from ._layout import BaseLayout
from ._mlx import is_mlx, mlx_config
from ._names import in_peft_spelling
from ._peft import check_tensors, read_adapter, state_from
from ._state import AdapterState, LoraPair
from ._tensors import check_values, tensor_names

log = logging.getLogger(__name__)

_LICENCE = re.compile(r"^license:[ \t]*['\"]?([A-Za-z0-9][A-Za-z0-9.+-]{0,63})['\"]?[ \t]*$", re.MULTILINE)
_NOTHING = 1e-8
"""Norm of a whole update below which it vanishes in float32 beside any weights."""


@dataclass(frozen=True)
class Imported:
    """A foreign adapter as a value: scales inside B, float32."""

    state: AdapterState
    """Every module at `rank`, or at its own width where that is less: a higher rank means nothing there."""
    rank: int
    """The highest rank of a module; smaller ones were zero-padded, which changes nothing."""
    notes: tuple[str, ...]
    """What was folded or differs, one phrase each."""
    licence: str
    """From the model card's `license:` line; `unknown` without one."""
    base_name: str | None
    """The base its config names; not proof of anything."""
    sha256: str
    """Of its weights file."""
    nothing: str = ""
    """Why it changes nothing, where it does not."""


def import_peft(folder: Path, layout: BaseLayout) -> Imported:
    """Read somebody's LoRA folder (PEFT's, mlx_lm's) for the base of `layout`, lossless, or refuse it with a reason.

    Folded: rsLoRA, literal rank and alpha patterns, any rank up to 256, other spellings of the tensors' names. Refused:
    everything that is not a plain LoRA on the untouched base (see `_foreign`), tensors beyond the expected A/B pairs,
    links, values that are not finite, and sizes that do not follow from the config. The weights are read only after the
    header has passed; other files of the folder are never opened.
    Raises `AdapterFormatError`, `AdapterShapeError` or `UnsafeFormatError`.
    """
    names = audit_folder(folder)
    if AdapterFiles.CONFIG not in names:
        raise explain_missing(folder, names)
    path = folder / AdapterFiles.CONFIG
    raw = parse_json(read_small(path, MAX_JSON_BYTES), where=str(path))
    mlx = is_mlx(raw)
    where = folder / (MLX_WEIGHTS if mlx else AdapterFiles.WEIGHTS)
    config = None if mlx else audit_config(raw, layout, where=str(path))
    if where.name not in names:
        raise explain_missing(folder, names)
    with open_weights(where) as weights:
        header, respelled = in_peft_spelling(weights.header, layout, where=str(where), mlx=mlx)
        config = config or mlx_config(raw, header.tensors, layout, where=str(path))
        check_tensors(header, config.specs, config.ranks, where=str(where), transposed=mlx)
        data = weights.read()
        plain = state_from(data, header, [s.path for s in config.specs], where=str(where), transposed=mlx)
    scaled = AdapterState({p: LoraPair(pair.a, pair.b * config.scales[p]) for p, pair in plain.items()})
    check_values({tensor_names(p)[1]: pair.b for p, pair in scaled.items()}, where=f"{where}, scale folded into B")
    state, rank = _padded(scaled, config.ranks)
    notes = list(config.notes)
    if respelled and not mlx:
        notes.append("its tensors had other names than PEFT's own")
    if rank < max(config.ranks.values()):
        notes.append(f"rank {max(config.ranks.values())} is above the modules' width, which {rank} holds without loss")
    return Imported(
        state=state,
        rank=rank,
        notes=tuple(notes),
        licence=_licence(folder / AdapterFiles.CARD) if AdapterFiles.CARD in names else "unknown",
        base_name=config.base_name,
        sha256=sha256_bytes(data),
        nothing=nothing_in(plain, config.scales),
    )


def _padded(state: AdapterState, ranks: Mapping[str, int]) -> tuple[AdapterState, int]:
    """Every module at the highest rank, or at its width where that is less; and the highest rank."""
    width = {path: min(pair.d_in, pair.d_out) for path, pair in state.items()}
    rank = max(min(ranks[path], width[path]) for path in state)
    by_rank: dict[int, dict[str, LoraPair]] = {}
    for path, pair in state.items():
        by_rank.setdefault(min(rank, width[path]), {})[path] = pair
    out: dict[str, LoraPair] = {}
    for wanted, pairs in by_rank.items():
        out.update(resize(AdapterState(pairs), wanted)[0])
    return AdapterState(out), rank


def nothing_in(plain: AdapterState, scales: Mapping[str, float]) -> str:
    """Why an adapter changes nothing, in a few words; empty where it changes something."""
    norm = sum(e * scales.get(p, 1.0) ** 2 for p, e in energies(plain).items()) ** 0.5
    if norm > _NOTHING:
        return ""
    if not any(scales.get(p, 1.0) for p in plain):
        return "its scale is zero (lora_alpha)"
    for factor in ("a", "b"):
        if not any(bool(getattr(pair, factor).any()) for pair in plain.values()):
            begun = ", as before the first step of training" if factor == "b" else ""
            return f"every lora_{factor.upper()} is zero{begun}"
    return f"its whole update has norm {norm:.1g}, which vanishes beside any weights"


def load_adapter(folder: Path, layout: BaseLayout, *, force: bool = False) -> AdapterState:
    """An adapter folder of either kind: ours (with its receipt) by `read_adapter`, else by `import_peft`.

    One that changes nothing is loaded, and a warning tells it.
    """
    if (folder / AdapterFiles.RECEIPT).is_file():
        state = read_adapter(folder, layout, force=force)
        nothing = nothing_in(state, {})
    else:
        found = import_peft(folder, layout)
        state, nothing = found.state, found.nothing
    if nothing:
        log.warning("%s changes nothing: %s", folder, nothing)
    return state


def _licence(card: Path) -> str:
    """The `license:` of a model card's front matter, if it is one plain word."""
    try:
        text = read_small(card, MAX_JSON_BYTES).decode("utf-8", "replace")
    except AdapterFormatError:
        return "unknown"  # an oversized card is no reason to refuse the adapter
    front = text.split("\n---", 1)[0] if text.startswith("---") else ""
    found = _LICENCE.search(front)
    return found.group(1).lower() if found else "unknown"

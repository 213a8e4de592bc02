"""Importing other people's PEFT adapters: audit bytes and integers first, then construct, then fold and pad."""

import re
from dataclasses import dataclass
from pathlib import Path

from genlora.errors import AdapterFormatError
from genlora.files import MAX_JSON_BYTES, parse_json, sha256_bytes

from ._algebra import resize
from ._folder import AdapterFiles, audit_folder, open_weights, read_small
from ._foreign import audit_config
from ._layout import BaseLayout
from ._peft import check_tensors, read_adapter, state_from
from ._state import AdapterState, LoraPair
from ._tensors import check_values, tensor_names

_LICENCE = re.compile(r"^license:[ \t]*['\"]?([A-Za-z0-9][A-Za-z0-9.+-]{0,63})['\"]?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Imported:
    """A foreign adapter as a value: one rank, scales inside B, float32."""

    state: AdapterState
    rank: int
    """The one rank of all modules; smaller ones were zero-padded, which changes nothing."""
    notes: tuple[str, ...]
    """What was folded or differs, one phrase each."""
    licence: str
    """From the model card's `license:` line; `unknown` without one."""
    base_name: str | None
    """The base its config names; not proof of anything."""
    sha256: str
    """Of its weights file."""


def import_peft(folder: Path, layout: BaseLayout) -> Imported:
    """Read somebody's PEFT LoRA folder for the base of `layout`, lossless, or refuse it with the reason.

    Folded: rsLoRA, literal rank and alpha patterns, any rank up to 256. Refused: everything that is not a plain LoRA on
    the untouched base (see `_foreign`), tensors beyond the expected A/B pairs, links, pickles, values that are not
    finite, and sizes that do not follow from the config. The weights are read only after the header has passed.
    Raises `AdapterFormatError`, `AdapterShapeError` or `UnsafeFormatError`.
    """
    names = audit_folder(folder)
    path = folder / AdapterFiles.CONFIG
    raw = parse_json(read_small(path, MAX_JSON_BYTES), where=str(path))
    config = audit_config(raw, layout, where=str(path))
    where = folder / AdapterFiles.WEIGHTS
    with open_weights(where) as weights:
        check_tensors(weights.header, config.specs, config.ranks, where=str(where))
        data = weights.read()
        plain = state_from(data, weights.header, [s.path for s in config.specs], where=str(where))
    scaled = AdapterState({p: LoraPair(pair.a, pair.b * config.scales[p]) for p, pair in plain.items()})
    check_values({tensor_names(p)[1]: pair.b for p, pair in scaled.items()}, where=f"{where}, scale folded into B")
    rank = max(config.ranks.values())
    licence = _licence(folder / AdapterFiles.CARD) if AdapterFiles.CARD in names else "unknown"
    return Imported(resize(scaled, rank)[0], rank, config.notes, licence, config.base_name, sha256_bytes(data))


def load_adapter(folder: Path, layout: BaseLayout, *, force: bool = False) -> AdapterState:
    """An adapter folder of either kind: ours (with its receipt) by `read_adapter`, else by `import_peft`."""
    if (folder / AdapterFiles.RECEIPT).is_file():
        return read_adapter(folder, layout, force=force)
    return import_peft(folder, layout).state


def _licence(card: Path) -> str:
    """The `license:` of a model card's front matter, if it is one plain word."""
    try:
        text = read_small(card, MAX_JSON_BYTES).decode("utf-8", "replace")
    except AdapterFormatError:
        return "unknown"  # an oversized card is no reason to refuse the adapter
    front = text.split("\n---", 1)[0] if text.startswith("---") else ""
    found = _LICENCE.search(front)
    return found.group(1).lower() if found else "unknown"

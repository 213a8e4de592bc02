"""A bank with what belongs to it: opened, its base loaded in the machine's best number format, its own embedder."""

from pathlib import Path

import torch

from genlora.bank import Bank, BankAddress, TaskEmbedder
from genlora.base import LoadedBase, base_source, load_base, require_compatible
from genlora.errors import BankError
from genlora.progress import Progress, silent

from ._places import default_bank, task_embedder


def open_bank(place: "str | Path | BankAddress | None" = None, *, change: bool = False) -> Bank:
    """The bank at `place`, by default `$GENLORA_BANK` or the shipped one; read-only unless `change`."""
    return Bank.open(place or default_bank(), readonly=not change)


def best_dtype(device: str = "cpu") -> torch.dtype:
    """bfloat16 where the machine multiplies it in hardware, else float32."""
    if device != "cpu":
        return torch.bfloat16
    return (
        torch.bfloat16
        if torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        else torch.float32
    )


def exact_dtype(device: str = "cpu") -> torch.dtype:
    """float32 on a CPU, for what must come out alike on every machine; bfloat16 on a GPU."""
    return torch.bfloat16 if device.startswith("cuda") else torch.float32


def load_banks_base(
    bank: Bank,
    source: str | None = None,
    *,
    device: str = "cpu",
    dtype: torch.dtype | None = None,
    attention: str = "eager",
    lean: bool = False,
    progress: Progress = silent,
) -> LoadedBase:
    """The base that a bank's experts are for, in `dtype` or the machine's best.

    Args:
        bank: an open bank.
        source: where the base comes from; by default what the bank's layout names.
        device: cpu, cuda or cuda:N.
        dtype: of its numbers; None for `best_dtype`.
        attention: transformers' name; packed rows of many tasks need eager on a CPU.
        lean: for answering and reading alone, without transformers where that can be (`load_base`).
        progress: told about downloads.

    Raises `BaseMismatchError` for another base than the bank's, and what `load_base` raises.
    """
    base = load_base(
        source or base_source(bank.layout.name),
        device=device,
        dtype=dtype or best_dtype(device),
        attn_implementation=attention,
        lean=lean,
        progress=progress,
    )
    require_compatible(base.fingerprint, bank.fingerprint, what="the base")
    return base


def load_banks_embedder(bank: Bank, source: str | None = None, *, progress: Progress = silent) -> TaskEmbedder:
    """The embedder that a bank was made with, for an empty bank the newest; `source` names another model than ours.

    Raises `BankError` where it is not to be had. Call it before any long work whose end needs it.
    """
    known = bank.metadata("embedder")
    return task_embedder(source, known=known and known["id"], where=str(bank.where), progress=progress)


def check_embedder(bank: Bank, found: str) -> None:
    """Raise `BankError` unless `found`, an embedder's id, is that of the bank; an empty bank takes any."""
    known = bank.metadata("embedder")
    if known is not None and known["id"] != found:
        raise BankError(
            f"{bank.where}: made with embedder {known['id'][:16]}, this one is {found[:16]}: their vectors cannot be "
            "compared. Name the bank's own with --embedder SOURCE, or make its vectors anew: genlora bank embed"
        )

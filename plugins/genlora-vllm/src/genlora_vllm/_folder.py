"""Does a folder hold an adapter that this server can use? Judged by genlora's own checks, before vLLM sees it.

vLLM 0.32 loads adapters whose shapes do not fit, or whose layers do not exist, and then serves them.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterFiles, BaseLayout, check_adapter, folder_receipt
from genlora.base import bare_layout, fingerprint, require_made_for, same_name
from genlora.errors import GenloraError
from genlora.files import read_json

LOADED = (AdapterFiles.CONFIG, AdapterFiles.WEIGHTS)
"""Files that decide what a server computes: an adapter is named by them."""
KEPT = (*LOADED, AdapterFiles.RECEIPT)
"""Files of an adapter that a server of PEFT folders needs."""


class Unfit(Exception):
    """The adapter cannot be used here; the text is for the operator's log and quotes nothing that a client wrote."""


@dataclass(frozen=True)
class Served:
    """What this server can use."""

    model: str
    """vLLM's `--model`: a folder, or a hub's name."""
    base: str | None
    """The base's name in adapters, where it is another."""
    max_rank: int

    def check(self, folder: Path) -> None:
        """Raise `Unfit` unless it is portable, for this base, and has the base's shapes where they are known."""
        try:
            config: Any = read_json(folder / AdapterFiles.CONFIG)
            made_for = str(config["base_model_name_or_path"])
            rank = config["r"]
            layout = self._layout(made_for, folder_receipt(folder)["fingerprint"])
        except (GenloraError, KeyError, TypeError) as err:
            raise Unfit(f"it is not a folder that genlora wrote ({err})") from err
        if type(rank) is not int or rank > self.max_rank:
            raise Unfit(f"its rank is over {self.max_rank}; for higher ranks raise GENLORA_VLLM_MAX_RANK too")
        self._check_base(folder, made_for)
        report = check_adapter(folder, layout)
        if not report.ok:
            faults = (
                f"{i.name}: {i.detail}" for i in report.items if not i.ok and not i.detail.startswith("not judged")
            )
            raise Unfit(f"it is not in the portable profile, or not for this base: {'; '.join(faults)[:600]}")

    def check_files(self, files: Mapping[str, bytes]) -> None:
        """`check` of an adapter in memory: what this server cannot use takes no room in its store."""
        with tempfile.TemporaryDirectory(prefix="genlora-vllm-") as folder:
            for name in KEPT:
                Path(folder, name).write_bytes(files[name])
            self.check(Path(folder))

    def _check_base(self, folder: Path, made_for: str) -> None:
        """By content where `--model` is a folder here, else by the whole name; GENLORA_VLLM_BASE stands for either."""
        if self.base is not None and same_name(made_for, self.base):
            return
        model = Path(self.model)
        if (model / "config.json").is_file():
            try:
                require_made_for(folder_receipt(folder), fingerprint(model), what="it")
            except GenloraError as err:
                raise Unfit(f"it was made for another base ({err})") from err
        elif not same_name(made_for, self.model):
            raise Unfit(
                f"it was made for another base, by its name; if it is the same, set GENLORA_VLLM_BASE to "
                f"{made_for[:120]!r}"
            )

    def _layout(self, made_for: str, fingerprint: str) -> BaseLayout | None:
        """The base's shapes where `--model` is a folder here; None where it is a hub's name, or tells none.

        Whether it is the adapter's base is looked at elsewhere: the layout takes the adapter's own name and
        fingerprint, and holds its modules and shapes alone against it.
        """
        try:
            found = bare_layout(Path(self.model))
        except (GenloraError, OSError, ValueError):
            return None
        return replace(found, name=made_for, fingerprint=fingerprint)

"""Mangled bases and adapters: refused in words, harmless, or known as another."""

import copy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from genlora.adapter import AdapterState, load_adapter, write_adapter
from genlora.base import layout_of, load_base
from genlora.errors import GenloraError

from ..conftest import write_base
from ._mangle import KINDS
from ._tally import Subject, in_words

WEIGHTS = "model.safetensors"
TOKENS = torch.tensor([[1, 40, 90, 201, 77, 15, 160, 33, 250, 8]])


def _delta(state: AdapterState) -> dict[str, torch.Tensor]:
    return {path: pair.delta() for path, pair in state.items() if bool(pair.delta().any())}


def _same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.allclose(one[k], two[k], rtol=1e-4, atol=1e-5) for k in one)


class Models:
    """A clean base, an adapter that PEFT saved for it and one of ours; and judges of mangled copies."""

    def __init__(self, root: Path) -> None:
        from peft import LoraConfig, get_peft_model

        self.root = root
        self.base = write_base(root / "clean-base", layers=2, hidden=32)
        loaded = load_base(str(self.base))
        self.layout, self.model, self.identity = loaded.layout, loaded.model, loaded.fingerprint
        self.logits = self._logits(loaded.model)
        config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        config.task_type = "CAUSAL_LM"
        theirs = get_peft_model(copy.deepcopy(loaded.model), config)
        theirs.peft_config["default"].base_model_name_or_path = self.layout.name
        theirs.save_pretrained(root / "clean-theirs", save_embedding_layers=False)
        write_adapter(
            root / "clean-ours", load_adapter(root / "clean-theirs", self.layout), self.layout, {}, durable=False
        )

        self.theirs = _delta(load_adapter(root / "clean-theirs", self.layout))

    def subjects(self) -> tuple[Subject, ...]:
        return (
            Subject("base", self.base, KINDS, self.base_verdict),
            Subject("adapter", self.root / "clean-theirs", KINDS, self.theirs_verdict),
            Subject("adapter of ours", self.root / "clean-ours", KINDS, self.ours_verdict),
        )

    @staticmethod
    def _logits(model: Any) -> torch.Tensor:
        with torch.inference_mode():
            return model(TOKENS).logits

    def base_verdict(self, folder: Path) -> str:
        """Read a mangled base as `genlora run --base` does, and hold it against the clean one."""
        try:
            layout_of(folder)
            loaded = load_base(str(folder))
            found = self._logits(loaded.model)
        except GenloraError as err:
            return in_words(err)
        if not self.identity.compatible(loaded.fingerprint).ok:
            again = self._logits(load_base(str(folder)).model)
            equal = torch.allclose(found, again, rtol=0, atol=0, equal_nan=True)  # a frequency of 0 gives no numbers
            return "another" if equal else "silent damage"
        return "harmless" if torch.equal(found, self.logits) or self._rounded(folder) else "silent damage"

    def _rounded(self, folder: Path) -> bool:
        """Whether the weights are the clean ones, some of them in 16 bit: the same base, stored otherwise."""
        clean, found = load_file(self.base / WEIGHTS), load_file(folder / WEIGHTS)
        narrow = (torch.float16, torch.bfloat16)
        return clean.keys() == found.keys() and all(
            torch.equal(clean[k].to(v.dtype), v) and v.dtype in (clean[k].dtype, *narrow) for k, v in found.items()
        )

    def theirs_verdict(self, folder: Path) -> str:
        """Read somebody's mangled adapter, and hold it against PEFT's reading and against what it was."""
        try:
            found = _delta(load_adapter(folder, self.layout))
        except GenloraError as err:
            return in_words(err)
        if _same(found, self.theirs):
            return "harmless"
        return "another" if _same(found, self._by_peft(folder)) else "silent damage"

    def ours_verdict(self, folder: Path) -> str:
        """Read an adapter of ours, whose receipt holds the digest of each of its files."""
        try:
            return "harmless" if _same(_delta(load_adapter(folder, self.layout)), self.theirs) else "silent damage"
        except GenloraError as err:
            return in_words(err)

    def _by_peft(self, folder: Path) -> dict[str, torch.Tensor]:
        """Each module's update as PEFT itself reads the folder; empty where it cannot."""
        from peft import PeftModel

        try:
            model = PeftModel.from_pretrained(copy.deepcopy(self.model), str(folder))
        except Exception:
            return {}
        out = {}
        for spec in self.layout.modules:
            module: Any = model.get_submodule(f"base_model.model.{spec.path}")
            if hasattr(module, "get_delta_weight") and bool((update := module.get_delta_weight("default")).any()):
                out[spec.path] = update.detach()
        return out

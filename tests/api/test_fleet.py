"""A fleet owner's path on the command line: own base, own PEFT adapters in, an adapter for a new task out."""

import json

import pytest
import torch
from click.testing import CliRunner
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from genlora.cli import cli

FLEET = {
    "sort-words": ("put these words in alphabetical order", {"r": 4, "lora_alpha": 8}),
    "plural": ("what is the plural form of this word", {"r": 2, "lora_alpha": 4, "use_rslora": True}),
    "capital": ("name the capital city of a country", {"r": 4, "lora_alpha": 4, "alpha_pattern": {"q_proj": 8}}),
}
IDS = torch.tensor([[1, 20, 30, 40, 50, 60]])


def stock_adapter(base_path, folder, settings, seed):
    """What a fleet owner has: a folder that PEFT itself saved."""
    model = AutoModelForCausalLM.from_pretrained(base_path, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(target_modules=["q_proj", "v_proj"], **settings))
    rng = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if "lora_B" in name:
            p.data = 0.05 * torch.randn(p.shape, generator=rng)
    model.save_pretrained(folder)
    with torch.no_grad():
        return model.eval()(IDS).logits


def invoke(*args):
    result = CliRunner().invoke(cli, [str(a) for a in args])
    assert result.exit_code == 0, result.output
    return result


def fleet(base_path, embedder_path, root):
    """Import the fleet, generate for a new sentence; returns logits of the nearest expert alone and of its source."""
    bank, where = root / "bank", []
    invoke("bank", "init", bank, "--base", base_path, "--rank", 4)
    sources = {}
    for seed, (name, (description, settings)) in enumerate(FLEET.items()):
        sources[name] = stock_adapter(base_path, root / name, settings, seed)
        where = ["--bank", bank, "--embedder", embedder_path]
        told = ["--name", name, "--description", description, "--licence", "MIT", "--base", base_path]
        invoke("bank", "import", root / name, *told, *where)
    listed = json.loads(invoke("bank", "list", "--bank", bank, "--json").stdout)["experts"]
    assert sorted(e["name"] for e in listed) == sorted(FLEET)
    invoke("bank", "verify", "--bank", bank)
    out = root / "out"
    told = json.loads(
        invoke("generate", "sort these words in alphabetical order", "-o", out, "--top-k", 1, "--json", *where).stdout
    )
    nearest = told["receipt"]["neighbours"][0]["name"]
    invoke("check-adapter", out, "--base", base_path)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base_path, dtype=torch.float32), out)
    with torch.no_grad():
        return model.eval()(IDS).logits, sources[nearest]


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral", "gemma3"])
def test_own_base_own_adapters_new_adapter(kind, tiny_base, embedder_path, tmp_path):
    ours, theirs = fleet(tiny_base(kind), embedder_path, tmp_path)
    # One expert, generated from: the imported adapter itself, folded and written anew.
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_gemma_for_real(real_gemma, embedder_path, tmp_path):
    ours, theirs = fleet(real_gemma, embedder_path, tmp_path)
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_an_adapter_of_another_base_is_refused(tiny_base, embedder_path, tmp_path):
    bank = tmp_path / "bank"
    invoke("bank", "init", bank, "--base", tiny_base("llama"), "--rank", 4)
    stock_adapter(tiny_base("llama", hidden=32), tmp_path / "other", FLEET["capital"][1], 0)
    args = ["bank", "import", tmp_path / "other", "--name", "x", "--description", "d", "--bank", bank]
    result = CliRunner().invoke(cli, [str(a) for a in [*args, "--embedder", embedder_path]])
    assert result.exit_code == 2 and "Traceback" not in result.output
    assert "expected" in result.stderr
    listed = json.loads(invoke("bank", "list", "--bank", bank, "--json").stdout)
    assert listed == {**listed, "experts": []}

"""One code for three families: targets, prompts, row LoRA, export, guidance in one call."""

import json

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.errors import AdapterFormatError, AdapterShapeError, BaseError, ConfigError
from genlora.images import (
    ATTENTION,
    CROSS_KEYS_VALUES,
    PARTS,
    WITH_FEED_FORWARD,
    Diffusion,
    Guidance,
    RowFactors,
    Sampling,
    check_targets,
    fingerprint,
    guidance,
    guided,
    lora_bytes,
    read_lora,
    row_loras,
    rows_of,
    sample,
    state_of,
)

from ..image_world import needs_images

pytestmark = needs_images

NAMES = ("mini", "sd15", "sdxl")
PROMPT = "a photo of a big happy critter in the centre , on a blue background"


def random_rows(model, n, rank=2, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return {
        path: RowFactors(
            torch.randn(n, rank, d_in, generator=rng) / d_in**0.5, 0.3 * torch.randn(n, d_out, rank, generator=rng)
        )
        for path, (d_in, d_out) in model.targets().items()
    }


def noise(model, n, seed=0):
    config = model.unet.config
    return torch.randn(
        n, config.in_channels, config.sample_size, config.sample_size, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("name", NAMES)
def test_targets_are_found_by_name_alone(models, name):
    model = models[name]
    attention, cross = model.targets(ATTENTION), model.targets(CROSS_KEYS_VALUES)
    blocks = sum(path.endswith("attn1.to_q") for path in attention)
    assert len(attention) == 8 * blocks and len(cross) == 2 * blocks
    assert len(model.targets(WITH_FEED_FORWARD)) == 10 * blocks
    assert {d_in for d_in, _ in cross.values()} == {model.unet.config.cross_attention_dim}
    with pytest.raises(ConfigError, match="no linear module"):
        model.targets("nothing_like_it")
    with pytest.raises(ConfigError, match="regular expression"):
        model.targets("(")


def test_stable_diffusion_has_the_targets_the_literature_counts():
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    found = [path for path, m in unet.named_modules() if isinstance(m, torch.nn.Linear)]
    from genlora.images import linear_targets

    assert len(linear_targets(unet)) == 128 and len(found) > 128
    assert sum(d_in + d_out for d_in, d_out in linear_targets(unet).values()) == 199_296


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_a_lora_of_its_own(models, name):
    model = models[name]
    rows, latents = random_rows(model, 3), noise(model, 3)
    prompts = model.encode_prompts([PROMPT]).repeated(3)
    with torch.no_grad():
        alone = model.predict(latents, torch.tensor(500), prompts)
        with row_loras(model.unet, rows, torch.tensor([1.0, 0.0, 1.0])):
            together = model.predict(latents, torch.tensor(500), prompts)
        third = {path: RowFactors(f.a[2:], f.b[2:]) for path, f in rows.items()}
        one = model.encode_prompts([PROMPT])
        with row_loras(model.unet, third):
            single = model.predict(latents[2:], torch.tensor(500), one)
        after = model.predict(latents, torch.tensor(500), prompts)
    assert torch.allclose(together[1], alone[1], atol=1e-5)
    assert torch.allclose(together[2:], single, atol=1e-5)
    assert not torch.allclose(together[0], alone[0], atol=1e-3)
    assert torch.equal(after, alone)


@pytest.mark.parametrize("name", NAMES)
def test_diffusers_loads_what_is_exported_and_draws_the_same(models, folders, name):
    model = models[name]
    state = state_of(random_rows(model, 2), row=1)
    latents, prompts = noise(model, 2), model.encode_prompts([PROMPT]).repeated(2)
    with torch.no_grad(), row_loras(model.unet, rows_of(state, 2)):
        ours = model.predict(latents, torch.tensor(400), prompts)
    other = Diffusion.open(folders[name])
    from safetensors.torch import load

    other.unet.load_lora_adapter(load(lora_bytes(state)), prefix="unet", adapter_name="subject")
    with torch.no_grad():
        theirs = other.predict(latents, torch.tensor(400), prompts)
        plain = model.predict(latents, torch.tensor(400), prompts)
    assert (ours - theirs).abs().max() <= 1e-4
    assert (ours - plain).abs().max() > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_all_branches_of_a_guidance_are_one_call(models, name, monkeypatch):
    model = models[name]
    rows, latents = random_rows(model, 2), noise(model, 2)
    asked, empty = model.encode_prompts([PROMPT]).repeated(2), model.encode_prompts([""]).repeated(2)
    states = dict(zip(PARTS, (empty, asked, empty, asked), strict=True))
    chosen, calls = guidance("autoguidance", 3.0, 1.5), []
    original = model.predict
    monkeypatch.setattr(model, "predict", lambda *a: calls.append(1) or original(*a))
    with torch.no_grad():
        found = guided(model, latents, torch.tensor(300), states, chosen, rows)
        assert len(calls) == 1
        wanted = torch.zeros_like(found)
        for part, coefficient in chosen.coefficients.items():
            with row_loras(model.unet, rows if part.startswith("subject") else {}):
                wanted += coefficient * original(latents, torch.tensor(300), states[part])
    assert torch.allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_sampling_is_repeatable_and_rows_do_not_depend_on_each_other(models, name):
    model = models[name]
    settings = Sampling(guidance=Guidance.hybrid(3.0, 2.0), steps=3, seed=4)
    both = sample(model, [PROMPT, PROMPT], settings, rows_of(state_of(random_rows(model, 1)), 2))
    again = sample(model, [PROMPT, PROMPT], settings, rows_of(state_of(random_rows(model, 1)), 2))
    assert both.shape == (2, 3, model.side, model.side) and 0 <= both.min() and both.max() <= 1
    assert torch.equal(both, again) and not torch.equal(both[0], both[1])


def test_our_sampler_is_the_pipelines_own_for_plain_guidance(models):
    model = models["mini"]
    pipeline = model.pipeline
    pipeline.set_progress_bar_config(disable=True)
    start = noise(model, 1)
    theirs = pipeline(PROMPT, num_inference_steps=4, guidance_scale=2.5, latents=start.clone(), output_type="pt").images
    ours = sample(model, [PROMPT], Sampling(guidance=Guidance.cfg(2.5), steps=4, seed=0))
    drawn = torch.randn(start.shape[1:], generator=torch.Generator().manual_seed(0))
    assert torch.equal(start[0], drawn)
    assert torch.allclose(ours, theirs.float(), atol=1e-4)


def test_delayed_injection_is_the_base_until_then(models):
    model = models["mini"]
    rows = rows_of(state_of(random_rows(model, 1)), 1)
    chosen = Guidance.cfg(2.0)
    base = sample(model, [PROMPT], Sampling(guidance=chosen, steps=4))
    never = sample(model, [PROMPT], Sampling(guidance=chosen, steps=4, inject_after=1.0), rows)
    late = sample(model, [PROMPT], Sampling(guidance=chosen, steps=4, inject_after=0.5), rows)
    at_once = sample(model, [PROMPT], Sampling(guidance=chosen, steps=4), rows)
    assert torch.allclose(base, never, atol=1e-6)
    assert not torch.allclose(late, base, atol=1e-3) and not torch.allclose(late, at_once, atol=1e-3)


def test_an_adapter_that_changes_nothing_leaves_every_guidance_the_bases(models):
    model = models["mini"]
    zero = {p: RowFactors(f.a, torch.zeros_like(f.b)) for p, f in random_rows(model, 1).items()}
    plain = sample(model, [PROMPT], Sampling(guidance=Guidance.cfg(3.0), steps=3))
    for name in ("cfg", "base_uncond", "steering", "autoguidance", "hybrid"):
        drawn = sample(model, [PROMPT], Sampling(guidance=guidance(name, 3.0), steps=3), zero)
        assert torch.allclose(drawn, plain, atol=1e-4), name


def test_a_lora_file_comes_back_as_it_was(models):
    state = state_of(random_rows(models["mini"], 1))
    again = read_lora(lora_bytes(state), where="file")
    assert list(again) == list(state)
    assert all(torch.equal(again[p].a, state[p].a) and torch.equal(again[p].b, state[p].b) for p in state)
    assert lora_bytes(state) == lora_bytes(again)


def pair(d_in=8, d_out=8):
    return LoraPair(torch.ones(2, d_in), torch.ones(d_out, 2))


def test_what_is_no_lora_of_a_unet_is_refused(models):
    from safetensors.torch import save

    for data, says in (
        (b"not safetensors", "not a safetensors file"),
        (save({"text_encoder.x.lora_A.weight": torch.ones(2, 8)}), "lora_A.weight"),
        (save({"unet.x.lora_A.weight": torch.ones(2, 8)}), "no lora_B"),
        (save({"unet.x.lora_A.weight": torch.ones(2, 8), "unet.x.lora_B.weight": torch.ones(8, 2) / 0}), "finite"),
        (save({}), "holds no LoRA"),
    ):
        with pytest.raises(AdapterFormatError, match=says):
            read_lora(data, where="file")
    targets = models["mini"].targets()
    with pytest.raises(AdapterShapeError, match="no such module"):
        check_targets(AdapterState({"somewhere.else": pair()}), targets, where="file")
    with pytest.raises(AdapterShapeError, match="another model"):
        check_targets(AdapterState({next(iter(targets)): pair(9, 9)}), targets, where="file")


def test_a_folder_that_is_no_model_is_refused(folders, tmp_path):
    with pytest.raises(BaseError, match=r"no model_index\.json"):
        Diffusion.open(tmp_path)
    index = json.loads((folders["mini"] / "model_index.json").read_text())
    (tmp_path / "model_index.json").write_text(json.dumps(index | {"_class_name": "FluxPipeline"}))
    with pytest.raises(BaseError, match="FluxPipeline"):
        Diffusion.open(tmp_path)
    (tmp_path / "model_index.json").write_text(json.dumps(index | {"unet": ["my_code", "Net"]}))
    with pytest.raises(BaseError, match="my_code"):
        Diffusion.open(tmp_path)
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(BaseError, match="cannot be loaded"):
        Diffusion.open(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_on_disk_is_single_in_memory(models, tmp_path, name):
    import copy

    pipeline = models[name].pipeline
    for part, module in pipeline.components.items():
        if isinstance(module, torch.nn.Module):
            copy.deepcopy(module).half().save_pretrained(tmp_path / part)
        elif hasattr(module, "save_pretrained"):
            module.save_pretrained(tmp_path / part)
    pipeline.save_config(tmp_path)
    model = Diffusion.open(tmp_path)
    assert model.dtype == torch.float32 == model.encode_prompts([PROMPT]).states.dtype
    assert sample(model, [PROMPT], Sampling(guidance=Guidance.cfg(2.0), steps=1)).isfinite().all()


def test_a_folders_fingerprint_is_its_content(folders, tmp_path):
    import shutil

    copied = tmp_path / "copy"
    shutil.copytree(folders["mini"], copied)
    assert fingerprint(copied) == fingerprint(folders["mini"]) != fingerprint(folders["sd15"])
    config = copied / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    assert fingerprint(copied) != fingerprint(folders["mini"])
    assert Diffusion.open(copied).side == 32


def test_prompts_and_numbers_outside_their_range_are_refused(models):
    model = models["mini"]
    with pytest.raises(ConfigError, match="1,000"):
        model.encode_prompts(["x" * 1001])
    with pytest.raises(ConfigError, match="no prompt"):
        sample(model, [], Sampling(guidance=Guidance.cfg(1.0)))
    with pytest.raises(ConfigError, match="2 pictures, and 1 prompts"):
        sample(model, [PROMPT], Sampling(guidance=Guidance.cfg(1.0)), random_rows(model, 2))
    with pytest.raises(ConfigError, match="steps"):
        Sampling(guidance=Guidance.cfg(1.0), steps=0)
    with pytest.raises(ConfigError, match="inject_after"):
        Sampling(guidance=Guidance.cfg(1.0), inject_after=2.0)

"""Fits of the text-to-image side: they learn, they stop and go on, and references never hold their target."""

from dataclasses import replace

import pytest
import torch

from genlora.errors import ConfigError, ManifestError
from genlora.generators import SubjectConfig, SubjectNetwork
from genlora.images import TOKEN_WIDTH, ReferenceConfig, RowFactors, row_loras
from genlora.images.mini import Picture, Renderer, draw_scenes, draw_subjects
from genlora.train.pictures import (
    BaseFit,
    PromptTable,
    SubjectFit,
    decibels,
    diffusion_loss,
    draw_views,
    fit_autoencoder,
    fit_base,
    fit_loras,
    fit_oracle,
    fit_reading,
    fit_references,
    fit_subject,
    refine_rows,
    relaxed,
)

from ...image_world import TINY, needs_images

pytestmark = needs_images
SMALL = SubjectConfig(rank=2, width=32, layers=1, heads=2)


@pytest.fixture(scope="module")
def renderer():
    return Renderer(32)


def test_the_autoencoder_learns_and_its_encoder_can_be_kept(renderer):
    heard = []
    rng = torch.Generator().manual_seed(9)
    pictures = renderer.draw(Picture(draw_subjects(16, rng), draw_scenes(16, rng))) * 2 - 1

    def found(steps):
        model = fit_autoencoder(TINY, renderer, steps=steps, batch=4, heard=lambda s, loss, db: heard.append(s))
        with torch.no_grad():
            latents = model.encode(pictures).latents
            again = model.decode(latents).sample
        assert not any(p.requires_grad for p in model.parameters())
        return latents, decibels((again - pictures).square().mean().item()), model

    first, before, _ = found(1)
    latents, after, model = found(100)
    assert heard == [100] and after > before + 3
    assert (latents.std() - 1).abs() < (first.std() - 1).abs(), "the penalty pulls the spread towards 1"
    kept = {k: v.clone() for k, v in model.encoder.state_dict().items()}
    again = fit_autoencoder(replace(TINY, decoder_width=16), renderer, steps=2, batch=4, encoder=model)
    assert all(torch.equal(v, again.encoder.state_dict()[k]) for k, v in kept.items())
    assert again.config["decoder_block_out_channels"] == (16, 16, 16)


def test_the_judge_learns_to_read(renderer):
    oracle = fit_oracle(renderer, steps=40, batch=24)
    rng = torch.Generator().manual_seed(9)
    truth = Picture(draw_subjects(64, rng), draw_scenes(64, rng))
    right = oracle.right(renderer.draw(truth), truth)
    assert right["size"].float().mean() > 0.7 and right["background"].float().mean() > 0.4


def test_a_base_that_was_stopped_goes_on_to_the_same_weights(tokenizer, mini_pipeline, tmp_path):
    looked = []

    def fit(folder, steps, looks=looked):
        return fit_base(
            TINY,
            BaseFit(steps=steps, batch=4, pool=16, save_every=2, warmup=1),
            tokenizer,
            mini_pipeline.vae,
            folder,
            look=lambda step, pipeline: looks.append(step),
        )

    whole = fit(tmp_path / "a", 4)
    assert looked == [2, 4]
    half = BaseFit(steps=4, batch=4, pool=16, save_every=2, warmup=1)
    stop = RuntimeError("stopped")

    def stopped(step, pipeline):
        raise stop

    with pytest.raises(RuntimeError, match="stopped"):
        fit_base(TINY, half, tokenizer, mini_pipeline.vae, tmp_path / "b", look=stopped)
    resumed = fit(tmp_path / "b", 4)
    for a, b in zip(whole.unet.parameters(), resumed.unet.parameters(), strict=True):
        assert torch.equal(a, b)
    (tmp_path / "b" / "base.safetensors").write_bytes(b"torn")
    with pytest.raises(ManifestError, match="no checkpoint"):
        fit(tmp_path / "b", 4)


def test_the_loss_is_of_what_the_model_predicts(models):
    rng = torch.Generator
    latents = torch.randn(3, 4, 8, 8, generator=rng().manual_seed(0))
    for name, wanted in (("sd15", "noise"), ("mini", "velocity")):
        scheduler = models[name].scheduler
        seen = {}

        def predict(noised, times, seen=seen):
            seen["noised"], seen["times"] = noised, times
            return torch.zeros_like(noised)

        loss = diffusion_loss(predict, latents, scheduler, rng().manual_seed(1))
        signal = scheduler.alphas_cumprod[seen["times"]][:, None, None, None]
        noise = (seen["noised"] - signal.sqrt() * latents) / (1 - signal).sqrt()
        target = noise if wanted == "noise" else signal.sqrt() * noise - (1 - signal).sqrt() * latents
        assert loss.item() == pytest.approx(target.square().mean().item(), rel=1e-3)
        assert sorted((seen["times"] * 3 // 1000).tolist()) == [0, 1, 2], "times are spread over the whole range"
    scheduler = type(scheduler).from_config(scheduler.config, prediction_type="sample")
    with pytest.raises(ConfigError, match="predicts 'sample'"):
        diffusion_loss(predict, latents, scheduler, rng().manual_seed(1))


def test_a_target_is_never_among_its_references():
    targets, references, present = draw_views(500, 5, 3, torch.Generator().manual_seed(0), targets=2)
    assert not (references[:, :, None] == targets[:, None]).any() and not (targets[:, 0] == targets[:, 1]).any()
    assert all(len(set(row)) == 3 for row in references.tolist())
    assert present[:, 0].all() and set(present.sum(1).tolist()) == {1, 2, 3}


def test_reading_first_names_subjects_and_leaves_the_first_adapter_the_base(models, album):
    torch.manual_seed(0)
    network = SubjectNetwork(SMALL, models["mini"].targets())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    heard = []
    fit_reading(network, album, steps=60, batch=8, lr=3e-3, heard=lambda step, loss: heard.append(loss))
    assert len(heard) == 3 and heard[-1] < 0.5 * heard[0]
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {"queries", "reader.project.weight"} <= moved
    assert "mixing" in moved and not any(name.startswith(("heads.", "common_")) for name in moved)
    with torch.no_grad():
        queries = network.read(album.tokens[:, :3].float())
        read = torch.einsum("nlw,lwb->nlb", queries, network.mixing) + network.shift
    assert torch.allclose(read.mean(0), torch.zeros(()), atol=1e-3)
    assert torch.allclose(read.square().mean((0, 2)), torch.ones(()), atol=1e-2)
    assert not torch.allclose(read[:, 0], read[:, 1], atol=0.1), "each layer has a mixing of its own"


def test_late_times_are_noisy_ones(models, album):
    seen = {}

    def predict(noised, times):
        seen["times"] = times
        return noised

    latents = album.latents.flatten(0, 1)
    for later, least, most in ((1.0, 400, 600), (3.0, 650, 850)):
        diffusion_loss(predict, latents, models["mini"].scheduler, torch.Generator().manual_seed(0), later=later)
        assert least < seen["times"].float().mean() < most


def test_an_untrained_hypernetwork_is_the_base(models, album):
    model = models["mini"]
    torch.manual_seed(0)
    network = SubjectNetwork(SMALL, model.targets()).eval()
    rows = network(album.tokens[:2, :3].float())
    assert list(rows) == list(model.targets())
    assert sum(f.a[0].numel() + f.b[0].numel() for f in rows.values()) == SMALL.emitted(model.targets())
    prompts = PromptTable(model).states(album.scenes[:2, 0])
    with torch.no_grad():
        plain = model.predict(album.latents[:2, 0], torch.tensor(500), prompts)
        with row_loras(model.unet, rows):
            adapted = model.predict(album.latents[:2, 0], torch.tensor(500), prompts)
    assert torch.allclose(plain, adapted, atol=1e-6)


def test_one_head_serves_all_layers_of_a_shape(models):
    targets = models["sd15"].targets()
    network = SubjectNetwork(SMALL, targets)
    assert len(network.heads) == len(set(targets.values())) < len(targets)


@pytest.mark.parametrize("reader_tokens", [0, 4])
def test_the_hypernetwork_reads_a_set(models, album, reader_tokens):
    torch.manual_seed(0)
    config = SubjectConfig(rank=2, width=32, layers=1, heads=2, reader_tokens=reader_tokens)
    network = SubjectNetwork(config, models["mini"].targets()).eval()
    for head in network.heads.values():
        torch.nn.init.normal_(head.weight, std=0.1)
    tokens = album.tokens[:2, :3].float()
    found, turned = network(tokens), network(tokens[:, [2, 0, 1]])
    other = network(album.tokens[2:4, :3].float())
    path = next(iter(found))
    assert torch.allclose(found[path].b, turned[path].b, atol=1e-5)
    assert not torch.allclose(found[path].b, other[path].b, atol=1e-3)
    present = torch.tensor([[True, False, False]] * 2)
    assert torch.allclose(network(tokens, present)[path].b, network(tokens[:, :1])[path].b, atol=1e-5)


def test_the_hypernetwork_learns_and_goes_on_after_a_stop(models, album, tmp_path):
    model, heard = models["mini"], []
    fit = SubjectFit(steps=40, batch=4, each=2, reading=2, later=2.0, warmup=5, save_every=20)
    whole = fit_subject(SMALL, fit, model, album, tmp_path / "a", heard=lambda s, losses, t: heard.append(losses))
    assert heard[1]["norm"] > 0 and heard[1]["loss"] < heard[0]["loss"]
    stop = RuntimeError("stopped")

    def stopped(step, network):
        raise stop

    with pytest.raises(RuntimeError, match="stopped"):
        fit_subject(SMALL, fit, model, album, tmp_path / "b", look=stopped)
    resumed = fit_subject(SMALL, fit, model, album, tmp_path / "b")
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert (a - b).abs().mean() < 1e-4  # the mixing of four subjects' queries enlarges rounding here and there
    with pytest.raises(ConfigError, match="was trained through the model"):
        fit_subject(SMALL, fit, model, album, tmp_path / "b", base="another")
    with pytest.raises(ConfigError, match="expected at least 3 references and 3 others"):
        fit_subject(SMALL, SubjectFit(steps=1), model, album, tmp_path / "c")


def test_references_learn_as_tokens_of_the_cross_attention(models, album, tmp_path):
    model, heard, looked = models["mini"], [], []
    config = ReferenceConfig(token_width=TOKEN_WIDTH, tokens_per_picture=16, width=32, outputs=4, layers=1)
    fit = SubjectFit(steps=40, batch=4, each=2, reading=2, lr=3e-3, later=2.0, warmup=5, save_every=20)
    reader = fit_references(
        config,
        fit,
        model,
        album,
        tmp_path,
        heard=lambda s, losses, t: heard.append(losses),
        look=lambda step, reader: looked.append(step),
    )
    assert looked == [20, 40] and heard[1]["loss"] < heard[0]["loss"]
    assert all(bool(value.weight.any()) for value in reader.attention.values.values())
    again = fit_references(config, fit, model, album, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(reader.parameters(), again.parameters(), strict=True))


def test_the_penalty_keeps_what_the_heads_give_small(models, album, tmp_path):
    norms = []
    for penalty in (0.0, 10.0):
        fit = SubjectFit(steps=20, batch=4, each=2, lr=3e-3, warmup=2, penalty=penalty)
        fit_subject(
            SMALL, fit, models["mini"], album, tmp_path / str(penalty), heard=lambda s, found, t: norms.append(found)
        )
    assert norms[1]["norm"] < norms[0]["norm"]


@pytest.mark.parametrize("name", ["mini", "sd15"])
def test_subjects_learn_side_by_side_as_they_would_alone(models, album, name, picture_encoder):
    from genlora.train.pictures import make_album

    model = models[name]
    rng = torch.Generator().manual_seed(0)
    own = album if name == "mini" else make_album(draw_subjects(2, rng), 3, model, Renderer(16), picture_encoder, rng)
    rows = fit_loras(model, own, rank=2, steps=3, batch=2)
    n = len(own)
    assert all(f.a.shape[0] == n and f.b.abs().sum() > 0 for f in rows.values())
    mean = fit_loras(model, own, rank=2, steps=3, batch=4, together=True)
    assert all(f.a.shape[0] == 1 for f in mean.values())


@pytest.mark.parametrize("name", ["mini", "sdxl"])
def test_refinement_starts_from_the_same_function_at_a_larger_rank(models, name):
    model = models[name]
    rng = torch.Generator().manual_seed(0)
    rows = {
        path: RowFactors(torch.randn(1, 2, d_in, generator=rng), 0.1 * torch.randn(1, d_out, 2, generator=rng))
        for path, (d_in, d_out) in model.targets().items()
    }
    for factors in rows.values():
        wider = relaxed(factors, 5, rng)
        assert wider.a.shape[1] == 5 and torch.allclose(wider.b @ wider.a, factors.b @ factors.a, atol=1e-6)
    pictures = torch.rand(2, 3, model.side, model.side, generator=rng)
    made = [refine_rows(model, rows, pictures, ["a red thing", "a thing"], rank=5, steps=3, batch=2) for _ in range(2)]
    path = next(iter(rows))
    assert made[0][path].a.shape[1] == 5 and bool((made[0][path].b[:, :, 2:] != 0).any())
    assert torch.equal(made[0][path].b, made[1][path].b)
    with pytest.raises(ConfigError, match="1 captions for 2 pictures"):
        refine_rows(model, rows, pictures, ["a thing"], rank=5)
    with pytest.raises(ConfigError, match="of rank 1; expected at least"):
        refine_rows(model, rows, pictures, ["a thing"] * 2, rank=1)

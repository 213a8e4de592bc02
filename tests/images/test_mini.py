"""The renderer's pictures, its splits and captions, the miniature's parts, and the judge."""

import pytest
import torch

from genlora.errors import ConfigError, ManifestError
from genlora.images.mini import (
    ATTRIBUTES,
    BACKGROUNDS,
    HELD_OUT_SUBJECTS,
    PALETTE,
    PRESETS,
    SCENE,
    SUBJECT,
    UNSEEN,
    MiniConfig,
    Oracle,
    Picture,
    Renderer,
    Sprouts,
    all_words,
    caption,
    draw_scenes,
    draw_subjects,
    held_out,
    new_autoencoder,
    new_text_encoder,
    new_unet,
    preset,
)
from genlora.images.mini._critters import _layer, _painted, _rgb

from ..image_world import TINY, needs_images

pytestmark = needs_images


@pytest.fixture(scope="module")
def renderer():
    return Renderer(32)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_pictures_are_the_same_for_the_same_numbers(renderer):
    picture = Picture(draw_subjects(12, rng()), draw_scenes(12, rng(1)))
    drawn = renderer.draw(picture)
    assert drawn.shape == (12, 3, 32, 32) and 0 <= drawn.min() and drawn.max() <= 1
    assert torch.equal(drawn, Renderer(32).draw(picture))
    assert torch.equal(drawn[4:5], renderer.draw(Picture(picture.subjects[4:5], picture.scenes[4:5])))


def test_layers_recoloured_are_what_the_renderer_paints():
    """A layer's weights times any colours give what the SVG's renderer paints with those colours, but for rounding."""
    part = {"bodyVariant": "bell", "topVariant": "horns"}
    inks = {"bodyColor": "#38bdf8", "accentColor": "#ef4444", "inkColor": "#1e293b"}
    layer = _layer(32, part)
    colours = torch.tensor([_rgb(c) for c in inks.values()])
    rgb = layer[:3] + torch.einsum("khw,kc->chw", layer[3:6], colours)
    painted, alpha = _painted(32, part, inks)
    assert (rgb - painted).abs().max() <= 3 / 255
    assert torch.equal(alpha[0], layer[6])


def test_what_a_caption_says_is_seen_and_who_it_is_is_not_said(renderer):
    scenes = torch.tensor([[0, 0, 0, 0], [3, 2, 1, 2]])
    subjects = draw_subjects(1, rng()).expand(2, -1)
    drawn = renderer.draw(Picture(subjects, scenes))
    corner = drawn[:, :, 0, 15]
    assert torch.allclose(corner[0], torch.tensor(_rgb(BACKGROUNDS["blue"])), atol=0.01)
    assert torch.allclose(corner[1], torch.tensor(_rgb(BACKGROUNDS["green"])), atol=0.01)
    assert caption(scenes[1].tolist()) == "a photo of a small surprised critter on the right , on a green background"
    # "happy" is an expression of the mouth in captions, and a form of the eyes that no caption names.
    names = {*PALETTE, *SUBJECT["body"], *SUBJECT["top"], *SUBJECT["eyes"]} - {"happy"}
    assert not set(all_words()) & names


def test_held_out_subjects_and_values_never_train():
    out = held_out()
    assert len(out) == HELD_OUT_SUBJECTS
    train = draw_subjects(20000, rng(3))
    assert not out & set(map(tuple, train.tolist()))
    names = list(SUBJECT)
    for column, name in enumerate(names):
        never = {SUBJECT[name].index(v) for v in UNSEEN[name]}
        assert not never & set(train[:, column].tolist())
        assert set(range(len(SUBJECT[name]))) - never == set(train[:, column].tolist())
    combined = draw_subjects(200, rng(4), level="combination")
    assert set(map(tuple, combined.tolist())) == out
    unseen = draw_subjects(100, rng(5), level="value")
    for row in unseen.tolist():
        assert any(SUBJECT[n][v] in UNSEEN[n] for n, v in zip(names, row, strict=True))
    assert (train[:, 3] != train[:, 4]).all() and (unseen[:, 3] != unseen[:, 4]).all()
    with pytest.raises(ConfigError, match="200"):
        draw_subjects(201, rng(), level="combination")
    with pytest.raises(ConfigError, match="choose from"):
        draw_subjects(1, rng(), level="test")


def test_each_word_is_one_token_and_unknown_words_are_pieces(tokenizer):
    for word in all_words():
        assert len(tokenizer(word)["input_ids"]) == 3, word
    text = caption([0, 0, 0, 1])
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids[1:-1]) == text
    assert tokenizer.unk_token_id not in tokenizer("zebra")["input_ids"][1:-1]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_of_the_size_that_ships(name, tokenizer):
    config = preset(name)
    with torch.device("meta"):
        parts = [new_unet(config), new_autoencoder(config), new_text_encoder(config, tokenizer)]
    numbers = sum(p.numel() for part in parts for p in part.parameters())
    assert sum(p.numel() for p in parts[0].parameters()) <= 10_000_000
    assert 2 * numbers <= 24 << 20
    with pytest.raises(ConfigError, match="mini-sd-32"):
        preset("sd15")
    with pytest.raises(ConfigError, match="multiple of 16"):
        MiniConfig(pixels=40, blocks=(32,), heads=(1,))


def test_the_last_step_of_the_scheduler_has_no_signal(mini_pipeline):
    assert mini_pipeline.scheduler.alphas_cumprod[-1] < 1e-6
    vae = new_autoencoder(TINY)
    assert vae.encode(torch.zeros(1, 3, 32, 32)).latents.shape[-1] == 8


def test_the_judge_is_saved_whole_and_judges(renderer, tmp_path):
    truth = Picture(draw_subjects(6, rng()), draw_scenes(6, rng()))
    oracle = Oracle(8).eval()
    found = oracle.right(renderer.draw(truth), truth)
    assert set(found) == set(ATTRIBUTES) == set(SUBJECT) | set(SCENE)
    oracle.save(tmp_path)
    again = Oracle.load(tmp_path)
    assert all(torch.equal(v, again.right(renderer.draw(truth), truth)[k]) for k, v in found.items())
    (tmp_path / "oracle.json").write_text("{}")
    with pytest.raises(ManifestError, match="no attribute oracle"):
        Oracle.load(tmp_path)


def test_sprouts_stand_in_the_same_scenes_and_are_nobody_else():
    sprouts = Sprouts(3, 32)
    scene = torch.tensor([[4, 0, 1, 1]])  # black, small, in the centre
    pictures = sprouts.draw(torch.arange(3), scene.expand(3, -1))
    assert pictures.shape == (3, 3, 32, 32) and 0 <= pictures.min() and pictures.max() <= 1
    ground = torch.tensor(_rgb(BACKGROUNDS["black"]))
    assert torch.allclose(pictures[:, :, 0, 0], ground.expand(3, -1), atol=1e-6)
    assert (pictures[0] - pictures[1]).abs().max() > 0.1
    left = sprouts.draw(torch.zeros(1, dtype=torch.long), torch.tensor([[4, 0, 1, 0]]))
    shown = [(p - ground[:, None, None]).abs().sum(0) > 0.05 for p in (left[0], pictures[0])]
    assert shown[0].nonzero()[:, 1].float().mean() < shown[1].nonzero()[:, 1].float().mean() - 3

"""The frozen encoder: pinned weights, tokens of any size of picture, and subjects that it tells apart."""

import pytest
import torch

from genlora.errors import DigestError
from genlora.images import TOKEN_WIDTH, EncoderConfig, PictureEncoder, _encoder, in_batches
from genlora.images.mini import Picture, Renderer, draw_scenes, draw_subjects

from ..image_world import needs_images

pytestmark = needs_images


def test_tokens_are_a_grid_whatever_the_picture_s_size(picture_encoder):
    pictures = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    tokens = picture_encoder.tokens(pictures)
    assert tokens.shape == (3, 16, TOKEN_WIDTH) and torch.isfinite(tokens).all()
    assert picture_encoder.tokens(pictures[:, :, ::2, ::2]).shape == tokens.shape
    assert torch.allclose(in_batches(picture_encoder, pictures, 2), tokens, atol=1e-4)
    assert PictureEncoder(EncoderConfig(side=128, grid=2)).tokens(pictures).shape == (3, 4, TOKEN_WIDTH)


def test_views_of_one_subject_are_nearer_than_those_of_others(picture_encoder):
    rng = torch.Generator().manual_seed(1)
    subjects = draw_subjects(12, rng).repeat_interleave(3, 0)
    drawn = Renderer(32).draw(Picture(subjects, draw_scenes(36, rng)))
    vectors = picture_encoder.pooled(drawn)
    similarity = (vectors @ vectors.T).unflatten(0, (12, 3)).unflatten(2, (12, 3))
    same = torch.stack([similarity[i, :, i] for i in range(12)]).flatten(1)
    own = (same.sum(1) - 3) / 6
    assert own.mean() > similarity.mean() + 0.02


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(_encoder, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(DigestError, match="not the pinned one"):
        PictureEncoder()

"""Tiny models with random weights, of the architectures of Stable Diffusion 1.5, XL and our miniature."""

import pytest
import torch

pytest.importorskip("diffusers", reason="needs the extra: pip install 'genlora[image]'")
pytest.importorskip("dicebear", reason="needs the extra: pip install 'genlora[image]'")
pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra: pip install 'genlora[image]'")

from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from genlora.images import Diffusion
from genlora.images.mini import MiniConfig, new_autoencoder, new_scheduler, new_text_encoder, new_tokenizer, new_unet

TINY = MiniConfig(pixels=32, blocks=(32, 32), heads=(2, 2), groups=8, text_width=48, text_layers=1, autoencoder_width=8)


def awake(module: torch.nn.Module) -> torch.nn.Module:
    """Weights that say something: some of a fresh U-Net's and decoder's are zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                parameter.normal_(std=0.02)
    return module


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    return new_tokenizer(TINY, tmp_path_factory.mktemp("tokenizer"))


def clip(tokenizer, width, projection=None):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=20,
        projection_dim=projection or width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)


@pytest.fixture(scope="session")
def mini_pipeline(tokenizer):
    torch.manual_seed(0)
    return StableDiffusionPipeline(
        vae=new_autoencoder(TINY),
        text_encoder=new_text_encoder(TINY, tokenizer),
        tokenizer=tokenizer,
        unet=awake(new_unet(TINY)),
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture(scope="session")
def sd15_pipeline(tokenizer):
    """Stable Diffusion 1.5's blocks, 1x1 convolutions around attention, AutoencoderKL and epsilon, in small."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64, 64, 64),
        layers_per_block=2,
        cross_attention_dim=48,
        attention_head_dim=8,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    )
    vae = AutoencoderKL(
        block_out_channels=(16, 16),
        norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=16,
    )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=clip(tokenizer, 48),
        tokenizer=tokenizer,
        unet=awake(unet),
        scheduler=DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture(scope="session")
def sdxl_pipeline(tokenizer):
    """SDXL's shape in small: two text encoders, a pooled embedding, sizes as conditions, linear projections."""
    torch.manual_seed(2)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        cross_attention_dim=48 + 32,
        attention_head_dim=(2, 4),
        transformer_layers_per_block=(1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 24,
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = AutoencoderKL(
        block_out_channels=(16, 16),
        norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=16,
    )
    return StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=clip(tokenizer, 48),
        text_encoder_2=clip(tokenizer, 32, projection=24),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=awake(unet),
        scheduler=EulerAncestralDiscreteScheduler(beta_schedule="scaled_linear"),
    )


@pytest.fixture(scope="session")
def models(mini_pipeline, sd15_pipeline, sdxl_pipeline):
    """{name: model} of the three."""
    pipelines = {"mini": mini_pipeline, "sd15": sd15_pipeline, "sdxl": sdxl_pipeline}
    return {name: Diffusion(pipeline, name) for name, pipeline in pipelines.items()}


@pytest.fixture(scope="session")
def folders(models, tmp_path_factory):
    """{name: folder} as diffusers saves them."""
    found = {}
    for name, model in models.items():
        found[name] = tmp_path_factory.mktemp(name)
        model.pipeline.save_pretrained(found[name])
    return found

"""Tiny text-to-image models with random weights, of the architectures of Stable Diffusion 1.5, XL and our miniature."""

from importlib.util import find_spec

import pytest
import torch

from genlora.images import Diffusion
from genlora.images.mini import MiniConfig, new_autoencoder, new_scheduler, new_text_encoder, new_tokenizer, new_unet

_PACKAGES = ("diffusers", "dicebear", "dicebear_styles", "resvg_py", "efficientnet_lite_pytorch")
needs_images = pytest.mark.skipif(
    any(find_spec(name) is None for name in _PACKAGES), reason="needs the extra: pip install 'genlora[image]'"
)

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
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

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
    from diffusers import StableDiffusionPipeline

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
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

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
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture(scope="session")
def sdxl_pipeline(tokenizer):
    """SDXL's shape in small: two text encoders, a pooled embedding, sizes as conditions, linear projections."""
    from diffusers import (
        AutoencoderKL,
        EulerAncestralDiscreteScheduler,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )

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


@pytest.fixture(scope="session")
def picture_encoder():
    from genlora.images import PictureEncoder

    return PictureEncoder()


@pytest.fixture(scope="session")
def album(models, picture_encoder):
    """Four subjects, five pictures of each, as the tiny miniature has them."""
    from genlora.images.mini import Renderer, draw_subjects
    from genlora.train.pictures import make_album

    rng = torch.Generator().manual_seed(0)
    return make_album(draw_subjects(4, rng), 5, models["mini"], Renderer(32), picture_encoder, rng)


@pytest.fixture(scope="session")
def image_folder(folders, models, tmp_path_factory):
    """A folder as ours ship: the miniature, and a hypernetwork with random heads."""
    import shutil

    from genlora.generators import SubjectConfig, SubjectGenerator, SubjectNetwork
    from genlora.images import fingerprint

    folder = tmp_path_factory.mktemp("images")
    shutil.copytree(folders["mini"], folder / "pipeline")
    torch.manual_seed(5)
    network = SubjectNetwork(SubjectConfig(rank=2, width=32, layers=1, heads=2), models["mini"].targets())
    awake(network.heads)
    SubjectGenerator(network, fingerprint(folder / "pipeline")).save(folder / "subject.safetensors")
    return folder

"""A real Stable Diffusion folder in miniature: the same classes, sized for a laptop.

Everything that reads a Stable Diffusion folder reads this one: `CLIPTokenizer` with a closed vocabulary,
`CLIPTextModel`, `AutoencoderTiny` (a quarter of the side, twelve channels), `UNet2DConditionModel`, `DDIMScheduler`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from genlora.errors import ConfigError

from .._diffusers import diffusers_class
from ._critters import all_words

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer

_START, _END = "<|startoftext|>", "<|endoftext|>"


@dataclass(frozen=True, kw_only=True)
class MiniConfig:
    """The sizes of a miniature Stable Diffusion."""

    pixels: int
    """Side of a picture; its latents have a quarter of it."""
    blocks: tuple[int, ...]
    """Channels of the U-Net's levels; the last level has no cross-attention, as in Stable Diffusion 1.5."""
    heads: tuple[int, ...]
    """Attention heads of the U-Net's levels."""
    groups: int = 16
    """Groups of the U-Net's norms."""
    text_width: int = 96
    """Width of the text encoder, which the U-Net attends over."""
    text_layers: int = 2
    """Layers of the text encoder."""
    words: int = 20
    """Longest prompt in tokens, with the start and the end."""
    autoencoder_width: int = 16
    """Channels of the encoder's blocks."""
    decoder_width: int = 24
    """Channels of the decoder's blocks."""

    def __post_init__(self) -> None:
        if self.pixels % 16:
            raise ConfigError(f"pixels must be a multiple of 16, got {self.pixels}")


PRESETS = {
    "mini-sd-32": MiniConfig(pixels=32, blocks=(48, 96, 128), heads=(2, 3, 4)),
    "mini-sd-64": MiniConfig(pixels=64, blocks=(64, 128, 192), heads=(2, 4, 6), text_width=144, autoencoder_width=48),
}
LATENT_CHANNELS = 12
"""More than the original's four: of 16 points three colours deep, four numbers keep 20 dB, twelve 26 (linearly)."""


def preset(name: str) -> MiniConfig:
    """The preset of that name, or an error with those there are."""
    if name not in PRESETS:
        raise ConfigError(f"no preset {name!r}; choose from {', '.join(sorted(PRESETS))}")
    return PRESETS[name]


def new_tokenizer(config: MiniConfig, folder: Path) -> "CLIPTokenizer":
    """A tokenizer that knows each word of the captions as one token, written to `folder` first.

    An unknown word falls into pieces of known ones and letters, as in the original.
    """
    from transformers import CLIPTokenizer

    words = all_words()
    letters = [chr(i) for i in range(ord("a"), ord("z") + 1)] + [chr(i) for i in range(ord("0"), ord("9") + 1)]
    letters += list(",.'-")
    vocabulary = dict.fromkeys(letters)
    vocabulary |= dict.fromkeys(f"{letter}</w>" for letter in letters)
    merges = _merges(words)
    vocabulary |= dict.fromkeys(left + right for left, right in merges)
    tokens = [*vocabulary, _START, _END]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=config.words
    )
    return tokenizer


def _merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte pairs in their order, by which each word becomes one token.

    Each new pair is the first one of the first word that is still in pieces, and is applied to all words before the
    next is chosen: so an earlier pair never takes a letter that a later one counts on.
    """
    pieces = [[*word[:-1], f"{word[-1]}</w>"] for word in words]
    merges = []
    while broken := next((p for p in pieces if len(p) > 1), None):
        pair = (broken[0], broken[1])
        merges.append(pair)
        pieces = [_merged(p, pair) for p in pieces]
    return merges


def _merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """The pieces of a word after each occurrence of a pair is joined, from the left."""
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def new_text_encoder(config: MiniConfig, tokenizer: "CLIPTokenizer") -> "CLIPTextModel":
    """A text encoder with random weights."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.text_width,
            intermediate_size=4 * config.text_width,
            num_hidden_layers=config.text_layers,
            num_attention_heads=config.text_width // 24,
            max_position_embeddings=config.words,
            bos_token_id=cast(int, tokenizer.bos_token_id),
            eos_token_id=cast(int, tokenizer.eos_token_id),
            pad_token_id=cast(int, tokenizer.pad_token_id),
        )
    )


def new_autoencoder(config: MiniConfig) -> Any:
    """An autoencoder with random weights: a quarter of the side, twelve channels."""
    return diffusers_class("AutoencoderTiny")(
        encoder_block_out_channels=(config.autoencoder_width,) * 3,
        decoder_block_out_channels=(config.decoder_width,) * 3,
        num_encoder_blocks=(1, 1, 2),
        num_decoder_blocks=(2, 1, 1),
        latent_channels=LATENT_CHANNELS,
    )


def new_unet(config: MiniConfig) -> Any:
    """A U-Net with random weights."""
    inner = len(config.blocks) - 1
    return diffusers_class("UNet2DConditionModel")(
        sample_size=config.pixels // 4,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=config.blocks,
        layers_per_block=1,
        cross_attention_dim=config.text_width,
        attention_head_dim=config.heads,  # diffusers' name for how many heads there are
        norm_num_groups=config.groups,
        down_block_types=("CrossAttnDownBlock2D",) * inner + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * inner,
    )


def new_scheduler() -> Any:
    """Stable Diffusion's betas, stretched to no signal at all at the last step, with the velocity as the target.

    Latents of 8 x 8 points keep their mean colour visible at Stable Diffusion's last step: a model trained on that
    cannot start from plain noise. No signal at the last step (Lin et al. 2023) has no such leak.
    """
    return diffusers_class("DDIMScheduler")(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        steps_offset=1,  # without effect for trailing steps; diffusers asks for it
    )

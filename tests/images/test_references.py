"""The set encoder: order and number of pictures, instructions, and cross-attention that starts as nothing."""

import pytest
import torch

from genlora.errors import BaseMismatchError, ConfigError, ManifestError
from genlora.images import (
    Guidance,
    ReferenceAttention,
    ReferenceConfig,
    ReferenceEncoder,
    ReferenceReader,
    Sampling,
    sample,
)

from ..image_world import needs_images

pytestmark = needs_images

SIZES = {"token_width": 12, "tokens_per_picture": 4, "width": 16, "outputs": 3, "heads": 2}


def tokens(n=2, pictures=4, seed=0):
    return torch.randn(n, pictures, 4, 12, generator=torch.Generator().manual_seed(seed))


def test_the_order_of_references_does_not_matter():
    torch.manual_seed(0)
    encoder = ReferenceEncoder(ReferenceConfig(**SIZES)).eval()
    found = encoder(tokens())
    assert found.shape == (2, 3, 16)
    assert torch.allclose(encoder(tokens()[:, [2, 0, 3, 1]]), found, atol=1e-5)
    swapped_cells = tokens()[:, :, [1, 0, 2, 3]]
    assert not torch.allclose(encoder(swapped_cells), found, atol=1e-3), "places within a picture do matter"


def test_absent_pictures_are_not_read():
    torch.manual_seed(0)
    encoder = ReferenceEncoder(ReferenceConfig(**SIZES)).eval()
    present = torch.tensor([[True, True, False, False], [True, True, True, True]])
    found = encoder(tokens(), present)
    changed = tokens()
    changed[0, 2:] = 99.0
    assert torch.allclose(encoder(changed, present)[0], found[0], atol=1e-5)
    assert torch.allclose(encoder(tokens()[:1, :2]), found[:1], atol=1e-5)
    with pytest.raises(ConfigError, match="no picture"):
        encoder(tokens(), torch.zeros(2, 4, dtype=torch.bool))


def test_an_instruction_is_asked_for_exactly_where_there_is_one():
    torch.manual_seed(0)
    plain = ReferenceEncoder(ReferenceConfig(**SIZES))
    told = ReferenceEncoder(ReferenceConfig(**SIZES, instruction_width=8)).eval()
    words = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1))
    with pytest.raises(ConfigError, match="without an instruction"):
        plain(tokens(), instruction=words)
    with pytest.raises(ConfigError, match="with an instruction"):
        told(tokens())
    assert not torch.allclose(told(tokens(), instruction=words), told(tokens(), instruction=-words), atol=1e-3)


def test_one_encoder_answers_different_instructions():
    """For the same references, "which pair" decides what is read: a mean that ignores it could answer one at best.

    Each picture has a colour and a shape. The colour asked for is what most pictures share, the shape likewise, and the
    two are independent: an instruction-blind reading has to give one output for both questions.
    """
    torch.manual_seed(0)
    encoder = ReferenceEncoder(ReferenceConfig(**SIZES | {"outputs": 1, "layers": 2}, instruction_width=4))
    read = torch.nn.Linear(16, 4)
    codes = torch.randn(8, 12, generator=torch.Generator().manual_seed(5))
    asks = torch.eye(2, 4)
    optimizer = torch.optim.Adam([*encoder.parameters(), *read.parameters()], lr=3e-3)
    rng = torch.Generator().manual_seed(2)

    def batch(n):
        shared = torch.randint(4, (n, 2), generator=rng)
        noise = torch.randint(4, (n, 4, 2), generator=rng)
        keep = torch.rand(n, 4, 2, generator=rng).argsort(1) < 3
        kinds = torch.where(keep, shared[:, None], noise)
        cells = torch.stack([codes[kinds[..., 0]], codes[4 + kinds[..., 1]]], 2).repeat_interleave(2, 2)
        which = torch.randint(2, (n,), generator=rng)
        return cells, asks[which][:, None], shared.gather(1, which[:, None])[:, 0]

    for _ in range(250):
        cells, ask, wanted = batch(64)
        loss = torch.nn.functional.cross_entropy(read(encoder(cells, instruction=ask)[:, 0]), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    cells, ask, wanted = batch(500)
    right = (read(encoder(cells, instruction=ask)[:, 0]).argmax(1) == wanted).float().mean()
    assert right >= 0.9


def test_reference_attention_starts_as_nothing_and_leaves_no_trace(models):
    model = models["mini"]
    torch.manual_seed(3)
    attention = ReferenceAttention(model.targets(), width=16, tokens=3)
    references = torch.randn(2, 3, 16)
    config = model.unet.config
    latents = torch.randn(2, config.in_channels, config.sample_size, config.sample_size)
    prompts = model.encode_prompts(["a photo of a critter"]).repeated(2)
    time = torch.tensor(300)
    with torch.no_grad():
        plain = model.predict(latents, time, prompts)
        with attention.on(model.unet, references):
            assert torch.allclose(model.predict(latents, time, prompts), plain, atol=1e-6)
        for value in attention.values.values():
            torch.nn.init.normal_(value.weight)
        with attention.on(model.unet, references, scale=0.0):
            assert torch.allclose(model.predict(latents, time, prompts), plain, atol=1e-6)
        with attention.on(model.unet, references):
            changed = model.predict(latents, time, prompts)
        assert not torch.allclose(changed, plain, atol=1e-3)
        assert torch.equal(model.predict(latents, time, prompts), plain)
    with attention.on(model.unet, references.requires_grad_()):
        model.predict(latents, time, prompts).square().mean().backward()
    assert references.grad is not None and references.grad.abs().sum() > 0
    with pytest.raises(ConfigError, match="key projection"):
        ReferenceAttention({"x.attn1.to_k": (4, 4)}, 16, 3)


@pytest.fixture
def reader(models):
    torch.manual_seed(4)
    made = ReferenceReader(ReferenceConfig(**SIZES), models["mini"].targets(), "a base", {"step": 3})
    for value in made.attention.values.values():
        torch.nn.init.normal_(value.weight)
    return made.eval().requires_grad_(False)


def test_read_references_stand_where_adapters_do(models, reader):
    """Each row its own, the base's branches untouched, and no guidance by the subject is the base's picture."""
    model, read = models["mini"], reader(tokens())
    prompts = ["a photo of a big critter", "a photo of a small critter"]

    def drawn(guidance, subject, of=prompts):
        return sample(model, of, Sampling(guidance=guidance, steps=2), subject, seeds=range(len(of)))

    found = drawn(Guidance.hybrid(3.0, 3.0), read)
    assert not torch.allclose(found, drawn(Guidance.hybrid(3.0, 3.0), None), atol=1e-3)
    alone = sample(
        model,
        prompts[1:],
        Sampling(guidance=Guidance.hybrid(3.0, 3.0), steps=2),
        read.picked(torch.tensor([1])),
        seeds=[1],
    )
    assert torch.allclose(found[1:], alone, atol=1e-4)
    assert torch.allclose(drawn(Guidance.hybrid(3.0, 0.0), read), drawn(Guidance.cfg(3.0), None), atol=1e-5)
    # A branch of strength 0 beside one of strength 1 is the base: cfg on nothing plus the base's own direction.
    mixed, plain = Guidance(base_empty=-2.0, base_prompt=3.0 - 1e-6, subject_prompt=1e-6), Guidance.cfg(3.0)
    assert torch.allclose(drawn(mixed, read), drawn(plain, None), atol=1e-3)
    with pytest.raises(ConfigError, match="references of 2 pictures, and 1 prompts"):
        drawn(Guidance.cfg(3.0), read, prompts[:1])


def test_a_reader_is_one_file(reader, tmp_path):
    place = tmp_path / "references.safetensors"
    reader.save(place)
    again = ReferenceReader.load(place).require("a base", where="it")
    assert again.record == {"step": 3} and again.config == reader.config
    assert torch.allclose(again(tokens()).tokens, reader(tokens()).tokens, atol=1e-2)
    with pytest.raises(BaseMismatchError, match="was trained for the text-to-image model a base"):
        again.require("another", where=str(place))
    (tmp_path / "torn.safetensors").write_bytes(place.read_bytes()[:-9])
    with pytest.raises(ManifestError, match="torn"):
        ReferenceReader.load(tmp_path / "torn.safetensors")

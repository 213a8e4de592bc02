"""The image hypernetwork on disk: what is saved comes back, what is not one is refused."""

import json

import pytest
import torch
from PIL import Image

from genlora.adapter import record_bytes
from genlora.errors import BaseMismatchError, ConfigError, ManifestError, PictureError
from genlora.generators import SubjectConfig, SubjectGenerator, SubjectNetwork

from ..image_world import needs_images

pytestmark = needs_images
TARGETS = {"up.attn1.to_q": (16, 16), "down.attn2.to_k": (12, 16), "down.attn1.to_q": (16, 16)}
"""In an order that is not the alphabet's, as a U-Net's is."""


@pytest.fixture
def generator():
    torch.manual_seed(0)
    network = SubjectNetwork(SubjectConfig(rank=2, width=16, layers=1, heads=2), TARGETS)
    for head in network.heads.values():
        torch.nn.init.normal_(head.weight, std=0.1)
    return SubjectGenerator(network.eval(), "f" * 64, {"steps": 3})


def pictures(n=2):
    images = [Image.new("RGB", (50, 40), (40 * i, 90, 200)) for i in range(n)]
    for i, image in enumerate(images):
        image.paste((250, 20 * i, 10), (10, 10, 30, 30))
    return images


def test_one_forward_pass_gives_every_target_its_pair(generator):
    state = generator.generate(pictures())
    assert {p: (pair.d_in, pair.d_out) for p, pair in state.items()} == TARGETS
    again = generator.generate(pictures()[::-1])
    assert all(torch.allclose(state[p].b, again[p].b, atol=1e-5) for p in state), "a set has no order"
    for n in (0, 5):
        with pytest.raises(PictureError, match=f"{n} pictures"):
            generator.generate(pictures(n))


def test_a_saved_generator_gives_the_same_adapter(generator, tmp_path):
    path = tmp_path / "subject.safetensors"
    generator.save(path)
    first, second = SubjectGenerator.load(path), SubjectGenerator.load(path)
    assert first.digest == second.digest == generator.digest
    assert first.record == {"steps": 3} and first.network.config == generator.network.config
    a, b = first.generate(pictures()), second.generate(pictures())
    assert all(torch.equal(a[p].a, b[p].a) and torch.equal(a[p].b, b[p].b) for p in a)
    near = generator.generate(pictures())
    assert all(torch.allclose(a[p].b, near[p].b, atol=5e-3) for p in a), "half precision on disk"
    assert first.require("f" * 64, where="x") is first
    with pytest.raises(BaseMismatchError, match="was trained for the text-to-image model ffffffffffff"):
        first.require("0" * 64, where="x")


def test_what_is_no_generator_is_refused(tmp_path):
    path = tmp_path / "subject.safetensors"
    with pytest.raises(ManifestError, match="cannot be read"):
        SubjectGenerator.load(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ManifestError):
        SubjectGenerator.load(path)
    path.write_bytes(record_bytes({"a": torch.ones(2)}, {"format": "another"}))
    with pytest.raises(ManifestError, match="expected 'genlora-subject-1'"):
        SubjectGenerator.load(path)
    config = SubjectConfig(rank=2, width=16).to_json()
    record = {"format": "genlora-subject-1", "config": config, "targets": [["a", 4, 4]], "base": "x", "record": {}}
    path.write_bytes(record_bytes({"a": torch.ones(2)}, json.loads(json.dumps(record))))
    with pytest.raises(ManifestError, match="not a trained image hypernetwork"):
        SubjectGenerator.load(path)


def test_sizes_that_cannot_be_built_are_refused():
    for settings, says in (({"rank": 0}, "rank must be"), ({"width": 10, "heads": 4}, "multiple of heads")):
        with pytest.raises(ConfigError, match=says):
            SubjectConfig(**settings)

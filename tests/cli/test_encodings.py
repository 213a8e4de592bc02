"""Terminals, locales and users of every kind: what cannot be shown is spelled out, what was typed arrives."""

import os
import subprocess
import sys

import pytest

ECHO = (
    "import sys, click; from genlora.cli import _main; "
    "say = click.Command('say', params=[click.Argument(['text'])], callback=lambda text: click.echo(text)); "
    "_main.cli.get_command = lambda ctx, name: say if name == 'say' else None; "
    "_main.main()"
)
TEXT = "né Ω 日本 🙂"


def spoken(*argv, **env):
    """What a verb that repeats its argument prints, in a process of its own."""
    base = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHONIO", "PYTHONUTF8"))}
    return subprocess.run([sys.executable, "-c", ECHO, *argv], env={**base, **env}, capture_output=True, check=False)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8"])
def test_what_a_terminal_cannot_show_is_spelled_out(encoding):
    done = spoken("say", TEXT, PYTHONIOENCODING=encoding, LC_ALL="C.UTF-8")
    shown = "utf-8" if encoding == "ascii" else encoding  # click takes ASCII for a terminal that is set up wrongly
    assert done.returncode == 0 and done.stdout == (TEXT + os.linesep).encode(shown, "backslashreplace")
    wrong = spoken(TEXT, PYTHONIOENCODING=encoding, LC_ALL="C.UTF-8")
    assert wrong.returncode == 2 and wrong.stderr.startswith(b"genlora: error: No such command 'n")


@pytest.mark.skipif(os.name == "nt", reason="a locale of POSIX")
def test_what_was_typed_arrives_under_a_c_locale(tmp_path):
    script = tmp_path / "genlora"
    script.write_text(ECHO)
    done = subprocess.run(
        [sys.executable, script, "say", TEXT],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{TEXT}\n".encode(), b"")

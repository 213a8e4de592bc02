"""The script that drives pip's finder, told apart from pip's own faults."""

import subprocess
import sys
from pathlib import Path

import pytest

import genlora.cache
from genlora.cache import PyPIFile
from genlora.cache._fetch import explain_pip
from genlora.errors import DigestError, FetchError

SCRIPT = Path(genlora.cache.__file__).with_name("_pip_sdist.py")
SPEC = PyPIFile(project="p", version="1", sha256="a" * 64, size=10)


@pytest.mark.parametrize(
    ("said", "kind", "means"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", DigestError, "not the pinned"),
        ("/usr/bin/python: No module named pip", FetchError, "has no pip"),
        ("ERROR: Could not install: [Errno 28] No space left on device", FetchError, "disk is full"),
        (
            "Could not fetch URL https://u:secret@h/: connection error: HTTPSConnectionPool(host='h')",
            FetchError,
            "reach",
        ),
        ("ERROR: 403 Client Error: Forbidden for url: https://u:secret@h/x", FetchError, "could not reach its index"),
        ("ERROR: No matching distribution found for p==1", FetchError, "does not offer it"),
        ("ERROR: sha 403f5030 something else", FetchError, "pip could not fetch it .*Try: pip download --no-deps p==1"),
        ("", FetchError, "no message"),
    ],
)
def test_what_pip_says_becomes_one_clear_line(said, kind, means):
    told = explain_pip(f"Looking in indexes\n{said}\n", SPEC) if said else explain_pip("", SPEC)
    assert type(told) is kind
    with pytest.raises(kind, match=means):
        raise told
    assert "secret" not in str(told) and "\n" not in str(told)


def test_a_pip_that_changed_inside_is_told_apart(tmp_path):
    """A pip without the parts the script drives ends with its own code and says so."""
    package = tmp_path / "pip" / "_internal" / "commands"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), "p", "1", "a" * 64, str(tmp_path / "out")],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4 and "pip._internal.commands.download" in done.stdout

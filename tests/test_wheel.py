"""The wheel is whole: with it alone, in another folder, the shipped bank is found and a sentence becomes an adapter."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("hatchling", reason="needs the extra dev")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def tracked(folder: str) -> set[str]:
    done = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("needs a checkout")
    return {line for line in done.stdout.splitlines() if (ROOT / line).is_file()}


def test_it_holds_the_packages_their_data_the_bank_and_the_generators(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if ".dist-info/" not in n}
    data = {f"genlora/_data/{n.removeprefix('checkpoints/')}" for n in tracked("checkpoints") if n.count("/") > 1}
    assert len(data) > 10
    expected = tracked("genlora") | {n.removeprefix("app/") for n in tracked("app/genlora_app")} | data
    assert expected <= names
    assert {n.split("/")[0] for n in names} == {"genlora", "genlora_app"}
    assert wheel.stat().st_size < 64 << 20


def test_it_works_where_there_is_no_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    env = {k: v for k, v in os.environ.items() if k not in ("GENLORA_BANK", "GENLORA_GENERATORS")}
    env |= {"PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    code = (
        "import genlora, genlora_app, pathlib, sys; here = pathlib.Path(sys.argv[1])\n"
        "assert here in pathlib.Path(genlora.__file__).parents and here in pathlib.Path(genlora_app.__file__).parents\n"
        "from genlora.api import default_bank; from genlora.api._places import generator_artefact\n"
        "assert here in default_bank().parents and generator_artefact('cvae').record"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "site")], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "genlora", "bank", "list"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "r-plural" in done.stdout, done.stderr

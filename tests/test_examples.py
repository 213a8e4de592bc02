"""The scripts of `examples/` run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(script, *args, cwd, env):
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *map(str, args)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )


@pytest.fixture
def env(real_base, real_embedder):
    import os

    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'app'}", "OMP_NUM_THREADS": "1"}


def test_from_a_sentence(tmp_path, env):
    done = run("from_a_sentence.py", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert "expected_accuracy=" in done.stdout and "adapter 'wolves'" in done.stdout
    assert (tmp_path / "from-a-sentence" / "receipt.json").is_file()


@pytest.mark.slow
def test_own_examples(tmp_path, env):
    done = run("own_examples.py", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert (
        "left-out examples right" in done.stdout and (tmp_path / "own-examples" / "adapter_model.safetensors").is_file()
    )


def test_own_bank(tmp_path, env, real_base):
    from genlora.adapter import write_adapter
    from genlora.bank import Bank

    shipped = ROOT / "checkpoints" / "bank"
    with Bank.open(shipped, readonly=True) as bank:
        write_adapter(tmp_path / "adapter", bank.state("r-plural"), bank.layout, {})
    done = run("own_bank.py", real_base, tmp_path / "adapter", "Give the plural.", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout

"""Promises D1 and D5 of a shared bank, by the harnesses of the folder bank; naive writers must fail each of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[1] / "harness.py"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the harness forks and kills")


@pytest.fixture
def run(server, tmp_path):
    def start(what, kind, count, seed=0):
        done = subprocess.run(
            [sys.executable, HARNESS, what, kind, tmp_path / kind, str(count), str(seed)],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "GENLORA_TEST_SERVER": server.uri},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return start


def faults(found):
    return {k: v for k, v in found.items() if k in ("lost", "broken", "leftovers", "unreadable") and v}


@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_d1_random_kills_lose_nothing(run, count):
    found = run("kills", "postgres", count)
    assert found["kills"] == count and found["acknowledged"] > count / 4
    assert not faults(found), found


def test_d1_a_kill_at_every_step_leaves_nothing_half_registered(run):
    found = run("steps", "postgres", 1)
    assert found["kills"] > 20 and found["acknowledged"] == 1 and found["status"] == 0
    assert not faults(found), found


def test_d1_the_record_before_its_blob_does_not_survive_kills(run):
    assert run("steps", "postgres-naive", 1)["broken"]


@pytest.mark.parametrize("count", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_d5_eight_writers_and_eight_readers(run, tmp_path, count):
    found = run("crowd", "postgres", count)
    assert found["experts"] == found["blobs"] == 8 * count + 1, found
    assert not found["failed_writers"] and not found["reader_errors"] and found["reads"] > 8, found
    assert not faults(found), found
    (tmp_path / "done").unlink()
    naive = run("crowd", "postgres-no-lock", 2)
    assert naive["failed_writers"] or naive["blobs"] != 17 or faults(naive), naive

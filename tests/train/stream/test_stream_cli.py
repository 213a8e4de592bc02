"""`genlora train fewshot` and `genlora train hypernet-bases` on the command line."""

import pytest
from click.testing import CliRunner

from genlora.base import load_base
from genlora.cli import cli

from ...small_world import fill

QUICK = "--no-catalogue --steps 2 --eval-every 2 --rank 2 --tokens 400 --json".split()


def invoke(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)), prog_name="genlora")


@pytest.fixture
def own(tiny_base, embedder, embedder_path, tmp_path):
    """A bank for the tiny base, and the options that name its parts."""
    folder = tiny_base("llama")
    base = load_base(str(folder), attn_implementation="eager")
    bank = fill(tmp_path / "bank", base.layout, base.fingerprint, embedder)
    return ["--bank", bank], ["--base", folder], ["--embedder", embedder_path]


def test_what_cannot_be_trained_is_told(own, tmp_path):
    bank, base, embedder = own
    train = ["train", "hypernet-bases", *QUICK, *bank, *base, *embedder, "-o", tmp_path / "out"]
    for wrong, said in (
        (["--kl", "0.5"], "starts from no fewshot artefact"),
        (["--start", tmp_path / "nowhere"], "nowhere"),
        (["--cool-down", "2"], "--cool-down"),
    ):
        result = invoke(*train, *wrong)
        assert result.exit_code == 2 and said in result.stderr, result.stderr
        assert not (tmp_path / "out").exists()

"""generate and verify on the command line: output, errors, exit codes, hostile text (F1, F3, B1), interrupts (F6)."""

import json
import os
import random
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from genlora.cli import cli


@pytest.fixture
def invoke(bank_path, embedder_path):
    def call(verb: str, *args, **kwargs):
        where = ["--bank", str(bank_path), "--embedder", str(embedder_path)]
        return CliRunner().invoke(cli, [verb, *where, *map(str, args)], **kwargs)

    return call


def test_generate_and_verify(invoke, tmp_path):
    result = invoke("generate", "sort the words of a list", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{tmp_path}/out: expected accuracy ") and "sort-words" in result.stdout
    result = invoke("verify", tmp_path / "out")
    assert result.exit_code == 0 and "byte for byte" in result.stdout
    (tmp_path / "out" / "adapter_config.json").write_text("{}")
    result = invoke("verify", tmp_path / "out")
    assert result.exit_code == 2 and "FAIL  files" in result.stdout
    assert "does not verify: files" in result.stderr and "Traceback" not in result.output


def test_json_holds_receipt_and_times_and_the_folder_only_the_receipt(invoke, tmp_path):
    result = invoke(
        "generate", "sort the words", "-o", tmp_path / "out", "--json", "--top-k", 2, "--generator", "aggregate"
    )
    told = json.loads(result.stdout)
    receipt = json.loads((tmp_path / "out" / "receipt.json").read_bytes())
    assert told["times_ms"]["embed"] > 0 and len(told["receipt"]["neighbours"]) == 2
    receipt["base"].pop("identity")
    assert told["receipt"] == receipt


def test_many_from_a_file_with_a_summary(invoke, tmp_path):
    source = tmp_path / "many.txt"
    source.write_text('sort the words\n\x07\n{"name": "caps", "description": "name the capital"}\n{"name": "a/b"}\n')
    result = invoke("generate", "--from", source, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "genlora: 2 of 4 descriptions became adapters" in result.stderr
    assert "line 2: description is not plain text" in result.stderr and "line 4" in result.stderr
    assert sorted(p.name for p in (tmp_path / "out").glob("[!.]*")) == ["0001", "caps"]
    told = json.loads(invoke("generate", "--from", source, "-o", tmp_path / "two", "--json").stdout)
    assert [m["name"] for m in told["made"]] == ["0001", "caps"] and [f["line"] for f in told["failed"]] == [2, 4]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([""], "description is empty"),
        (["a\udc80b"], "half of a surrogate pair"),
        (["x" * 4001], "4,001 characters"),
        ([], "give a DESCRIPTION, --batch FILE or --examples FILE"),
        (["sort", "--from", "x"], "give either a DESCRIPTION or --batch FILE"),
        (["--from", "/no/such/file"], "/no/such/file: No such file"),
        (["sort", "--top-k", "0"], "0 is not in the range"),
        (["sort", "--rank", "9999"], "9999 is not in the range"),
        (["sort", "--dtype", "int8"], "'int8' is not one of"),
        (["sort", "--generator", "magic"], "no generator 'magic'; choose from aggregate"),
    ],
)
def test_generate_says_why(invoke, tmp_path, argv, says):
    result = invoke("generate", *argv, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("bank", "says"),
    [
        ("nowhere", "bank.sqlite"),
        ("damaged", "bank.sqlite"),
        ("blob", "blobs"),
    ],
)
def test_a_missing_or_damaged_bank_is_one_line(bank_path, embedder_path, tmp_path, bank, says):
    import shutil

    where = tmp_path / bank
    if bank != "nowhere":
        shutil.copytree(bank_path, where)
    if bank == "damaged":
        (where / "bank.sqlite").write_bytes(b"not a database at all" * 100)
    if bank == "blob":
        for blob in (where / "blobs").rglob("*.safetensors"):
            blob.write_bytes(blob.read_bytes()[:-1] + b"\xff")
    argv = [
        "generate",
        "sort words",
        "-o",
        str(tmp_path / "out"),
        "--bank",
        str(where),
        "--embedder",
        str(embedder_path),
    ]
    result = CliRunner().invoke(cli, argv)
    assert result.exit_code == 2 and says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_line(invoke, tmp_path):
    (tmp_path / "file").write_text("x")
    result = invoke("generate", "sort words", "-o", tmp_path / "file" / "out")
    assert result.exit_code == 2 and "cannot be written" in result.stderr


def injections(n: int = 300) -> list[str]:
    """Texts that mean something to a shell, SQL, YAML, HTML, a template, a path or a terminal."""
    seeds = [
        "$(touch {canary})",
        "`touch {canary}`",
        "; touch {canary} #",
        "| tee {canary}",
        "'; DROP TABLE expert; --",
        '" OR 1=1 --',
        "!!python/object/apply:os.system ['touch {canary}']",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "${{jndi:ldap://x}}",
        "%s%n%x",
        "../../{canary}",
        "/etc/passwd",
        "[bold red]x[/]",
        "[link=file:///x]y[/link]",
        "{0.__class__}",
        "--output={canary}",
        "-o {canary}",
        "\u202egnp.exe",
        "a\u2066b\u2069",
        "\ufeffsort",
        "<img src=x>",
    ]
    rng = random.Random(0)
    return [f"{rng.choice(['sort', 'the', 'capital'])} {seeds[i % len(seeds)]} {i}" for i in range(n)]


def test_300_injections_are_data(lora, invoke, tmp_path):
    canary = tmp_path / "canary"
    texts = [t.replace("{canary}", str(canary)) for t in injections()]
    source = tmp_path / "many.jsonl"
    source.write_text("".join(json.dumps({"description": t}) + "\n" for t in texts))
    before = sorted(p.name for p in tmp_path.iterdir())
    result = invoke("generate", "--from", source, "-o", tmp_path / "out", "--embedder", lora.embedder.path)
    assert result.exit_code == 0, result.output
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", result.output)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*before, "out"]) and not canary.exists()
    for folder, text in zip(sorted((tmp_path / "out").glob("[!.]*")), texts, strict=True):
        assert re.fullmatch(r"\d{4}", folder.name)
        receipt = json.loads((folder / "receipt.json").read_bytes())
        assert receipt["request"]["description"] == text.strip()


BAD_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "..\\x",
    "a/b",
    "a\\b",
    "/abs",
    "//x",
    "C:\\x",
    "c:x",
    "\\\\host\\x",
    "~",
    "~/x",
    "-x",
    "_x",
    ".x",
    "con",
    "nul",
    "com1",
    "lpt9.txt",
    "aux.",
    "A",
    "UP",
    "a b",
    "a\tb",
    "a\nb",
    "a\0b",
    "a\u202eb",
    "\u200fa",
    "é",
    "名",
    "a:b",
    "a*b",
    "a?b",
    'a"b',
    "a<b",
    "a|b",
    "a;b",
    "a$b",
    "a`b",
    "a&b",
    "a'b",
    "a%b",
    "a..b",
    "a" * 65,
    "a" * 300,
    "a/../b",
    "a//b",
    "./a",
    "a/.",
    "%2e%2e",
    "..%2f",
    "\ud800",
    "\x1b[31m",
    "a\r",
    "a ",
    " a",
    "{x}",
    "[x]",
]


def test_60_names_never_leave_the_output_folder(lora, invoke, tmp_path):
    """B1 at this entry point: the file tree outside the output folder is the same before and after."""
    assert len(BAD_NAMES) == 60
    source = tmp_path / "many.jsonl"
    source.write_text(
        "".join(json.dumps({"name": n, "description": "sort words"}) + "\n" for n in [*BAD_NAMES, "fine"])
    )
    before = {p for p in tmp_path.rglob("*")}
    result = invoke("generate", "--from", source, "-o", tmp_path / "out")
    assert result.exit_code == 2 and "1 of 61 descriptions" in result.stderr
    assert [p.name for p in (tmp_path / "out").glob("[!.]*")] == ["fine"]
    assert {p for p in tmp_path.rglob("*") if tmp_path / "out" not in (p, *p.parents)} == before


INTERRUPTED = """
import json, os, random, signal, sys, time
from contextlib import nullcontext
from pathlib import Path
from genlora import files
from genlora.cli import cli
from genlora.cli._main import _on_sigterm
from genlora.api import GenLora, verify
import genlora.api._adapter as writer

bank, embedder, root, kind = sys.argv[1:5]
GenLora(bank, embedder=embedder).generate("warm up")  # what is imported here, every fork has
real_write, real_fsync = os.write, os.fsync

def slow_write(fd, data):
    time.sleep(0.005)  # a slow disk, so that many interrupts arrive while it is busy
    return real_write(fd, bytes(data[:4096]))

def slow_fsync(fd):
    time.sleep(0.005)
    real_fsync(fd)

os.write, os.fsync = slow_write, slow_fsync
if kind == "naive":
    def publish(named, folder, *, replace):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in named.items():
            with open(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as f:
                files.write_all(f.fileno(), data)
    writer.publish_folder = publish
    writer.hold_interrupts = nullcontext

def child(out):
    signal.signal(signal.SIGTERM, _on_sigterm)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1), os.dup2(1, 2)
    try:
        for i in range(1000):
            where = ["--bank", bank, "--embedder", embedder, "-o", str(out / "out"), "--force"]
            try:
                cli.main(["generate", f"sort {i} words", *where])
            except SystemExit as end:
                if end.code:
                    raise
    except SystemExit as end:
        os._exit(end.code)
    except BaseException:
        os._exit(99)  # between two commands

rng, broken, codes = random.Random(0), 0, {}
for run in range(int(sys.argv[5])):
    out = Path(root) / str(run)
    out.mkdir()
    pid = os.fork()
    if pid == 0:
        child(out)
    while not (out / "out" / "receipt.json").exists():
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.25))
    os.kill(pid, rng.choice([signal.SIGINT, signal.SIGTERM]))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    codes[code] = codes.get(code, 0) + 1
    left = sorted(p.name for p in out.iterdir())
    whole = left in ([], ["out"]) and all(verify(out / name, None).ok for name in left)
    broken += not whole
print(json.dumps({"broken": broken, "codes": codes}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ours", "naive"])
def test_100_interrupts_leave_the_output_absent_or_whole(bank_path, embedder_path, tmp_path, kind):
    """F6: SIGINT and SIGTERM at random moments of the real command, with --force over an output that exists."""
    argv = [str(bank_path), str(embedder_path), str(tmp_path), kind, "20" if kind == "naive" else "100"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERRUPTED, *argv], env=env, capture_output=True, text=True, timeout=550
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    if kind == "naive":
        assert found["broken"] > 0
    else:
        assert found["broken"] == 0 and set(found["codes"]) <= {"130", "143", "99"}, found

"""A teacher behind an endpoint: what is sent, what comes of it, and every way in which it can fail."""

import json
import time

import pytest
from click.testing import CliRunner

from genlora import GenLora, Teacher
from genlora.adapter import check_adapter
from genlora.api import verify
from genlora.cli import cli
from genlora.errors import ConfigError, PolicyError, TeacherError
from genlora.serve import Keys

from ..push.world import loopback

TASK = "Write the plural of a noun."
WORDS = "cat dog hat cup pen map bed key car sun leg arm".split()
KEY = "sk-secret-key"


def said(text):
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}}]}


def plurals(method, path, body):
    """A teacher that knows plurals, but not of `sun`."""
    text = json.loads(body)["messages"][0]["content"]
    if "Input: " not in text:
        return said("\n".join(json.dumps({"input": w, "output": f"{w}s"}) for w in WORDS))
    word = text.rpartition("Input: ")[2]
    return said("suns?" if word == "sun" else f"{word}s")


@pytest.fixture
def lora(served_bank, embedder):
    with GenLora(served_bank, embedder=embedder) as found:
        yield found


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def run(*arguments):
    return CliRunner().invoke(cli, ["generate", *map(str, arguments)])


def test_from_a_sentence_to_an_adapter(lora, served_base, tmp_path, monkeypatch, allow_sockets):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    seen = []
    with loopback(plurals) as server:
        teacher = Teacher(server.url, "big", count=12, look=seen.append)
        made = lora.generate(TASK, teacher=teacher, base=served_base)
    asked = server.bodies("/v1/chat/completions")
    assert len(asked) == 2 + 12 == len(server.heard) and {b["model"] for b in asked} == {"big"}
    assert {h["Authorization"] for h in server.headers} == {f"Bearer {KEY}"}
    assert all(TASK in b["messages"][0]["content"] for b in asked) and sum(b["temperature"] == 0 for b in asked) == 12
    folder = made.save(tmp_path / "out")
    written = {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir() if p.suffix != ".safetensors"}
    rows = [json.loads(line) for line in written["examples.jsonl"].splitlines()]
    assert [r["input"] for r in rows] == [w for w in WORDS if w != "sun"]
    told = json.loads(written["receipt.json"])["made_by"]["examples"]
    assert told["count"] == 11 and told["teacher"] == {
        "endpoint": f"{server.url}/v1",
        "model": "big",
        "asked": 12,
        "parsed": 24,
        "unreadable": 0,
        "duplicate": 12,
        "off_form": 0,
        "disagreed": 1,
        "kept": 11,
    }
    assert not any(KEY in text for text in written.values())
    assert "suns?" in written["examples.html"] and "a model wrote" in written["README.md"]
    assert seen[0].counts.kept == 11
    assert made.expected_accuracy is not None and made.generated.made_by["fitted"]["left_out"] == 11
    verdict = verify(folder, lora)
    assert verdict.ok, [c for c in verdict.checks if not c.ok]
    assert check_adapter(folder, served_base.layout).ok
    again = lora.generate(TASK, examples=folder / "examples.jsonl", base=served_base)
    assert again.files()["adapter_model.safetensors"] == made.files()["adapter_model.safetensors"]


def test_the_page_holds_no_markup_of_the_teacher_s(allow_sockets):
    def answer(method, path, body):
        text = json.loads(body)["messages"][0]["content"]
        if "Input: " not in text:
            return said("\n".join(f"<script>alert({n})</script> => <b>{n}</b>" for n in range(5)))
        return said(f"<b>{text.rpartition('alert(')[2][0]}</b>")

    with loopback(answer) as server:
        taught = Teacher(server.url, "<i>m", count=4).teach("Do <u>it</u>.")
    page = taught.page().decode()
    assert len(taught.examples) == 5 and "&lt;script&gt;" in page
    assert "<script" not in page and "<b>" not in page and "<i>" not in page and "<u>" not in page


def test_the_command_shows_what_was_written(served_bank, tiny_base, embedder_path, tmp_path, allow_sockets):
    with loopback(plurals) as server:
        result = run(
            *(TASK, "-o", tmp_path / "out", "--teacher", f"{server.url}/v1/chat/completions", "--teacher-model", "big"),
            *("--teacher-count", 6, "--bank", served_bank, "--embedder", embedder_path, "--base", tiny_base("llama")),
        )
    assert result.exit_code == 0, result.output
    assert "  cat => cats\n" in result.stderr and "11 kept of 6 asked for, 1 disagreed on" in result.stderr
    assert "fitted to 11 examples" in result.stdout
    assert {"examples.jsonl", "examples.html"} <= {p.name for p in (tmp_path / "out").iterdir()}


def wrong(answer, says, *, count=4, timeout_s=5.0):
    return pytest.param(answer, says, timeout_s, id=says[:24].replace(" ", "-"))


def slow(*_):
    time.sleep(1.5)
    return said("late")


def lines(text, second="?"):
    def answer(method, path, body):
        return said(second if b"Input: " in body else text)

    return answer


@pytest.mark.parametrize(
    ("answer", "says", "timeout_s"),
    [
        wrong(lambda *_: (401, {"error": {"message": "no such key"}}), "refused the key (401: no such key)"),
        wrong(lambda *_: (404, {"error": {"message": "model big not found"}}), "answered 404: model big not found"),
        wrong(lambda *_: (500, b"<html>oops"), "answered 500: <html>oops"),
        wrong(lambda *_: (302, {}), "sends us elsewhere (302)"),
        wrong(lambda *_: (200, b"<html>hello"), "answered with something that is not JSON"),
        wrong(lambda *_: (200, {"choices": []}), "holds no `choices` with a message"),
        wrong(lambda *_: (200, [1]), "holds no `choices` with a message"),
        wrong(lambda *_: said(None), "wrote no example that can be read, of 4 asked for"),
        wrong(lambda *_: said("I am sorry."), "wrote no example that can be read, of 4 asked for"),
        wrong(
            lines("a => b\nc => d\nA => e"), "0 usable examples, expected 4 or more: of 4 asked for 3 were read, 1 were"
        ),
        wrong(slow, "no whole answer within 0.3 s", timeout_s=0.3),
    ],
)
def test_each_failure_is_one_line_and_nothing_is_written(
    answer, says, timeout_s, served_bank, tiny_base, embedder_path, tmp_path, allow_sockets
):
    with loopback(answer) as server:
        result = run(
            *(TASK, "-o", tmp_path / "out", "--teacher", server.url, "--teacher-model", "big", "--teacher-count", 4),
            *("--teacher-timeout", timeout_s, "--bank", served_bank, "--embedder", embedder_path),
            *("--base", tiny_base("llama")),
        )
    assert result.exit_code == 2 and result.stdout == "" and "Traceback" not in result.stderr
    assert says in result.stderr.splitlines()[-1], result.stderr
    assert not list(tmp_path.iterdir())


def test_an_answer_of_another_form_is_left_out(allow_sockets):
    text = "\n".join(f"line {n} => {('yes', 'no', 'perhaps')[n % 3]}" for n in range(6))
    with loopback(lines(text, "yes")) as server, pytest.raises(TeacherError, match="2 not of the answers' form") as err:
        Teacher(server.url, "m").teach("Answer yes or no.")
    assert "expected one of yes, no" in str(err.value)


def test_nobody_there(tmp_path, served_bank, embedder_path, allow_sockets):
    with loopback(plurals) as server:
        url = server.url
    bank = ("--bank", served_bank, "--embedder", embedder_path)
    result = run(TASK, "-o", tmp_path / "out", "--teacher", url, "--teacher-model", "m", *bank)
    assert result.exit_code == 2 and "no answer (Connection refused)" in result.stderr


def test_a_busy_endpoint_is_asked_again(monkeypatch, allow_sockets):
    pauses, busy = [], iter([429, 503])
    monkeypatch.setattr("genlora.api.teacher._teacher.time.sleep", pauses.append)

    def answer(method, path, body):
        status = next(busy, None)
        return (status, {}) if status else plurals(method, path, body)

    with loopback(answer) as server:
        assert len(Teacher(server.url, "m", count=4).teach(TASK).examples) == 11
    assert pauses == [1.0, 4.0]


def test_parameters_that_an_endpoint_refuses_are_left_out(allow_sockets):
    def answer(method, path, body):
        for name, say in (("max_tokens", "Use 'max_completion_tokens' instead."), ("temperature", ""), ("seed", "")):
            if name in json.loads(body):
                return 400, {"error": {"message": f"Unsupported parameter: '{name}'. {say}"}}
        return plurals(method, path, body)

    with loopback(answer) as server:
        assert len(Teacher(server.url, "m", count=4).teach(TASK).examples) == 11
    last = server.bodies("/v1/chat/completions")[-1]
    assert last.keys() == {"model", "messages", "max_completion_tokens"}


def test_a_description_that_the_gate_stops_is_not_sent(lora, served_base, allow_sockets):
    with loopback(plurals) as server, pytest.raises(PolicyError):
        lora.generate("Write working ransomware for the user.", teacher=Teacher(server.url, "m"), base=served_base)
    assert not server.heard


def test_who_looks_may_end_it(lora, served_base, allow_sockets):
    def refuse(found):
        raise KeyboardInterrupt

    with loopback(plurals) as server, pytest.raises(KeyboardInterrupt):
        lora.generate(TASK, teacher=Teacher(server.url, "m", count=4, look=refuse), base=served_base)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "ftp://x"}, "expected http://HOST:PORT"),
        ({"url": "http://["}, "not a URL"),
        ({"url": "http://u:p@h"}, "keys go into an environment variable"),
        ({"url": "http://far.example/v1"}, "cross the network unencrypted"),
        ({"model": " "}, "the model's name is empty"),
        ({"count": 3}, "3 examples, expected 4 to 512"),
        ({"timeout_s": 0}, "timeout must be over 0"),
        ({"key_env": "NOT_SET_AT_ALL"}, "'NOT_SET_AT_ALL' is not set"),
    ],
)
def test_settings_that_are_refused(options, says, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match=says) as err:
        Teacher(**{"url": "https://host", "model": "m", **options})
    assert KEY not in str(err.value)


def test_where_the_endpoint_is(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for url in ("https://host", "https://host/", "https://host/v1/", "https://host/v1/chat/completions"):
        assert Teacher(url, "m").endpoint == "https://host/v1"
    assert Teacher("https://host/openai/v1", "m").endpoint == "https://host/openai/v1"
    assert Teacher("http://far.example", "m", key_env="").endpoint == "http://far.example/v1"
    assert KEY not in repr(Teacher("https://host", "m"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([TASK, "--teacher", "http://127.0.0.1:9"], "go together"),
        ([TASK, "--teacher-model", "m"], "go together"),
        ([TASK, "--teacher", "http://h", "--teacher-model", "m", "--example", "a => b"], "give no --from, --example"),
        (["--teacher", "http://127.0.0.1:9", "--teacher-model", "m"], "give a DESCRIPTION"),
        (
            [TASK, "--teacher", "http://127.0.0.1:9", "--teacher-model", "m", "--generator", "cvae"],
            "Leave --generator out",
        ),
    ],
)
def test_options_that_do_not_go_together(arguments, says, tmp_path, served_bank, embedder_path):
    result = run(*arguments, "-o", tmp_path / "out", "--bank", served_bank, "--embedder", embedder_path)
    assert result.exit_code == 2 and says in result.stderr and "Traceback" not in result.stderr, result.stderr


def test_a_folder_that_exists_is_told_before_anything_is_sent(tmp_path, allow_sockets):
    (tmp_path / "out").mkdir()
    with loopback(plurals) as server:
        result = run(TASK, "-o", tmp_path / "out", "--teacher", server.url, "--teacher-model", "m")
    assert result.exit_code == 2 and "already exists" in result.stderr and not server.heard


def test_our_own_server_speaks_the_protocol(serving, allow_sockets):
    """A tiny random model follows no instruction: it is reached, understood, and told to be of no use."""
    with serving() as served:
        with pytest.raises(TeacherError, match=r"no example that can be read|usable examples, expected 4"):
            Teacher(served.url, "base", count=6).teach(TASK)
        with pytest.raises(TeacherError, match=r"answered 404: .*no model here.*teacher-model a name"):
            Teacher(served.url, "no-such-model", count=6).teach(TASK)
    with (
        serving(keys=Keys(["k" * 24])) as served,
        pytest.raises(TeacherError, match=r"refused the key \(401.*--teacher-key-env"),
    ):
        Teacher(served.url, "base", count=6).teach(TASK)

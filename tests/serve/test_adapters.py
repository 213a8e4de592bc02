"""Adapters made over HTTP: cards, folders to take away, metrics; descriptions are data and nothing else."""

import io
import re
import zipfile

import httpx
import pytest

from genlora.descriptions import check_description

pytestmark = pytest.mark.usefixtures("allow_sockets")


# ---- metrics, cards, folders


def test_metrics_count_and_never_quote(serving):
    with serving() as s:
        secret = "unmistakable"
        httpx.post(f"{s.url}/v1/adapters", json={"description": f"sort the {secret} words"})
        httpx.post(f"{s.url}/v1/completions", json={"model": "base", "prompt": secret, "max_tokens": 5})
        httpx.get(f"{s.url}/{secret}")
        httpx.get(f"{s.url}/v1/models/{secret}")
        text = httpx.get(f"{s.url}/metrics").text
        assert secret not in text
        for line in (
            'genlora_requests_total{route="/v1/adapters",status="201"} 1.0',
            'genlora_requests_total{route="other",status="404"} 1.0',
            "genlora_generated_tokens_total 5.0",
            "genlora_adapters_created_total 1.0",
            "genlora_adapters 1.0",
            "genlora_first_token_seconds_count 1.0",
        ):
            assert line in text
        assert re.search(r"^process_resident_memory_bytes \d", text, re.M)


def test_a_folder_can_be_taken_away(served, tmp_path):
    from genlora.adapter import check_adapter
    from genlora.api import verify

    made = httpx.post(f"{served.url}/v1/adapters", json={"description": "put the numbers in order"})
    assert made.status_code == 201 and made.headers["location"] == f"/v1/adapters/{made.json()['id']}"
    again = httpx.post(f"{served.url}/v1/adapters", json={"description": "put  the numbers in order "})
    assert again.status_code == 200 and again.json() == made.json()
    card = httpx.get(served.url + made.headers["location"]).json()
    assert card == made.json() and card["kind"] == "generated" and card["neighbours"]
    assert "identity" not in card["receipt"]["base"] and len(again.content) < 6000
    whole = httpx.get(served.url + made.headers["location"], params={"format": "receipt"}).json()
    assert whole["base"]["identity"] and whole["sha256"] == card["receipt"]["sha256"]
    found = httpx.get(served.url + made.headers["location"], params={"format": "zip"})
    digest = made.json()["id"].removeprefix("genlora:")
    assert found.headers["content-disposition"] == f'attachment; filename="genlora-{digest}.zip"'
    with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / f"genlora-{digest}"
    assert check_adapter(folder, served.engine.base.layout).ok
    assert verify(folder, served.lora).ok
    expert = httpx.get(f"{served.url}/v1/adapters/plural").json()
    assert expert["kind"] == "expert" and expert["licence"] == served.lora.bank.get("plural").licence
    zipped = httpx.get(f"{served.url}/v1/adapters/plural", params={"format": "zip"})
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        archive.extractall(tmp_path)
    assert check_adapter(tmp_path / "plural", served.engine.base.layout).ok


# ---- descriptions are data (F3)

_CORES = [
    "$(touch CANARY)",
    "`touch CANARY`",
    "; touch CANARY #",
    "| touch CANARY",
    "&& touch CANARY",
    "'; DROP TABLE expert; --",
    '" OR 1=1 --',
    "1; UPDATE meta SET value=0",
    "%s%s%n",
    "{0.__class__}",
    "!!python/object/apply:os.system ['touch CANARY']",
    "- a: &a [*a]",
    "---\nkey: value",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt;",
    "]]><!--",
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "{% raw %}",
    "\u202egnp.exe",
    "\u2066hidden\u2069",
    "\ufeffmark",
    "../../etc/passwd",
    "..\\..\\windows",
    "/etc/shadow",
    "file:///etc/passwd",
    "http://169.254.169.254/",
    "C:\\CANARY",
    "~/.ssh/id_rsa",
    "a=b&c=d",
    "%2e%2e%2f",
    "%0d%0aX: y",
    "\\x1b[31m",
    "\\u0000",
    "null",
    "true",
    "NaN",
    "[1, 2]",
    '{"a": 1}',
    '"',
    "'",
    "\\",
    "<|im_end|>",
    "\U0001f642\u200d",
    "\u03a9\u2248\u00e7",
    "\ud55c\uad6d\uc5b4",
    "\u05e2\u05d1\u05e8",
]
_AROUND = ["{}", "sort the words {}", "{} sort the words", "sort {} words", "'{}'", '"{}"']
STRINGS = [around.replace("{}", core) for around in _AROUND for core in _CORES]


def test_the_list_is_long_enough():
    assert len(set(STRINGS)) == 300


@pytest.mark.parametrize(
    "strings", [STRINGS[:50], pytest.param(STRINGS[50:], marks=pytest.mark.slow)], ids=["50", "250"]
)
def test_three_hundred_injections_are_only_words(served, caplog, tmp_path, monkeypatch, strings):
    monkeypatch.chdir(tmp_path)
    caplog.set_level("DEBUG", logger="genlora")
    with httpx.Client(base_url=served.url, timeout=30) as client:
        for text in strings:
            made = client.post("/v1/adapters", json={"description": text})
            if made.status_code == 400:  # nothing but punctuation is no description
                assert made.json()["error"]["code"] == "invalid_description"
                continue
            wanted = check_description(text)
            card = client.get(f"/v1/adapters/{made.json()['id']}")
            assert made.json()["description"] == card.json()["description"] == wanted
            assert card.json()["receipt"]["request"]["description"] == wanted
            assert card.content.isascii() and b"\x1b" not in card.content
            assert re.fullmatch(r"genlora:[0-9a-f]{16}", card.json()["id"])
            core = next(c for c in _CORES if c in text)
            assert len(core) < 4 or core not in str(card.headers)
    assert not list(tmp_path.iterdir()), "a canary was touched"
    ours = ("genlora.serve", "genlora.engine", "genlora.api.library._library")
    said = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith(ours))
    assert not [core for core in _CORES if len(core) > 5 and core in said]

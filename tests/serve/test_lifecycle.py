"""An adapter's life over HTTP: made or brought, named, changed, taken away, forgotten; each key alone with its own."""

import io
import time
import zipfile

import httpx
import pytest

from genlora.api import GenerateJob
from genlora.serve import Keys, Limits

pytestmark = pytest.mark.usefixtures("allow_sockets")

ASKED = [{"role": "user", "content": "pear apple fig"}]
A, B = "a" * 20, "b" * 20


def client_of(served, key=None):
    return httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=30)


def ask(client, model):
    return client.post("/v1/chat/completions", json={"model": model, "messages": ASKED, "max_tokens": 4})


def packed(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.fixture(scope="module")
def own_adapter(served):
    """Files of an adapter that somebody trained for the served base."""
    from genlora.adapter import peft_files

    bank = served.lora.bank
    return peft_files(bank.state("plural"), bank.layout)


def test_named_listed_changed_and_forgotten(served):
    with client_of(served) as client:
        made = client.post("/v1/adapters", json={"description": "name the capital", "name": "capitals"})
        id = made.json()["id"]
        assert made.status_code == 201 and made.json()["name"] == "capitals"
        assert ask(client, "capitals").json()["choices"] == ask(client, id).json()["choices"]
        assert (
            next(m for m in client.get("/v1/models").json()["data"] if m["id"] == id)["genlora"]["name"] == "capitals"
        )
        assert client.get("/v1/adapters/capitals").json()["id"] == id
        taken = client.post("/v1/adapters", json={"description": "name the river", "name": "capitals"})
        assert taken.status_code == 400 and taken.json()["error"]["param"] == "name"
        changed = client.patch("/v1/adapters/capitals", json={"name": "towns", "expires_in": 100}).json()
        assert changed["name"] == "towns" and 90 < changed["expires"] - time.time() <= 100
        assert ask(client, "capitals").status_code == 404
        assert client.patch(f"/v1/adapters/{id}", json={"expires_in": None}).json()["expires"] is None
        assert id in [card["id"] for card in client.get("/v1/adapters").json()["data"]]
        assert client.delete("/v1/adapters/towns").json() == {"id": id, "object": "genlora.adapter", "deleted": True}
        for gone in (client.delete(f"/v1/adapters/{id}"), client.get(f"/v1/adapters/{id}"), ask(client, "towns")):
            assert gone.status_code == 404 and gone.json()["error"]["code"] == "model_not_found"
        assert client.delete("/v1/adapters/plural").status_code == 404, "an expert is the bank's"
        assert client.delete("/v1/adapters/base").status_code == 404


def test_an_own_adapter_is_served_as_the_same_expert_is(served, own_adapter):
    with client_of(served) as client:
        zipped, kind = packed({f"folder/{n}": d for n, d in own_adapter.items()}), {"Content-Type": "application/zip"}
        brought = client.post("/v1/adapters?name=mine&description=plurals", content=zipped, headers=kind)
        assert brought.status_code == 201, brought.text
        card = brought.json()
        assert (card["kind"], card["name"], card["description"]) == ("uploaded", "mine", "plurals")
        assert ask(client, "mine").json()["choices"] == ask(client, "plural").json()["choices"]
        again = client.post("/v1/adapters", content=packed(own_adapter), headers=kind)
        assert again.json()["id"] == card["id"], "its content names it"
        folder = client.get(f"/v1/adapters/{card['id']}", params={"format": "zip"})
        with zipfile.ZipFile(io.BytesIO(folder.content)) as archive:
            assert {n.rpartition("/")[2] for n in archive.namelist()} >= set(own_adapter)


def test_what_cannot_be_served_is_refused(served, own_adapter):
    config, weights = own_adapter["adapter_config.json"], own_adapter["adapter_model.safetensors"]
    cases = {
        b"PK\x03\x04 and nothing more": "no ZIP archive",
        packed({"adapter_config.json": config}): "adapter_model.safetensors",
        packed({"adapter_config.json": config, "adapter_model.bin": b"\x80\x02}q\x00."}): "safetensors",
        packed({"adapter_config.json": config, "adapter_model.safetensors": weights[:-100]}): "adapter_model",
        packed({"a/adapter_config.json": config, "b/adapter_config.json": config}): "two files",
        packed({"adapter_config.json": config, "adapter_model.safetensors": weights[:8] + b"\0" * 99}): "adapter_model",
    }
    with client_of(served) as client:
        before = client.get("/v1/adapters").json()
        for data, says in cases.items():
            found = client.post("/v1/adapters", content=data, headers={"Content-Type": "application/zip"})
            assert found.status_code == 400, found.text
            assert says in found.json()["error"]["message"] and "/tmp" not in found.text
        assert client.get("/v1/adapters").json() == before


def test_a_bomb_is_not_unfolded(serving):
    with serving(limits=Limits(upload_bytes=1 << 20)) as s:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("adapter_model.safetensors", b"\0" * (64 << 20))
        assert len(out.getvalue()) < 1 << 20
        kind = {"Content-Type": "application/zip"}
        found = httpx.post(f"{s.url}/v1/adapters", content=out.getvalue(), headers=kind)
        assert found.status_code == 400 and "at most" in found.json()["error"]["message"]
        assert httpx.post(f"{s.url}/v1/adapters", content=b"0" * (2 << 20), headers=kind).status_code == 413


def test_a_job_in_the_background(served):
    with client_of(served) as client:
        begun = client.post("/v1/adapters", json={"description": "say it backwards", "background": True})
        assert begun.status_code == 202 and begun.json()["object"] == "genlora.job"
        place = begun.headers["location"]
        until = time.monotonic() + 30
        while (job := client.get(place).json())["status"] in ("queued", "running") and time.monotonic() < until:
            time.sleep(0.05)
        assert job["status"] == "succeeded" and job["progress"] == 1.0 and job["error"] is None
        assert ask(client, job["adapter"]).status_code == 200
        assert job["id"] in [j["id"] for j in client.get("/v1/jobs").json()["data"]]
        assert client.delete(place).json()["status"] == "succeeded", "what is done is done"
        gone = client.get("/v1/jobs/job-of-nobody")
        assert gone.status_code == 404 and gone.json()["error"]["code"] == "job_not_found"


def test_examples_are_fitted_in_a_job(served, monkeypatch):
    """No `background` needed: half a minute is too long to wait on the line."""
    tick = GenerateJob.tick  # a small base's fit is over before anybody can look
    monkeypatch.setattr(GenerateJob, "tick", lambda job, *told: time.sleep(0.1) or tick(job, *told))
    rows = [{"input": f"aardvark {i}", "output": "the"} for i in range(6)]
    asked = {"description": "say it backwards, please", "examples": rows}
    with client_of(served) as client:
        begun = client.post("/v1/adapters", json=asked)
        assert begun.status_code == 202 and begun.json()["object"] == "genlora.job"
        place, seen, until = begun.headers["location"], set(), time.monotonic() + 60
        while (job := client.get(place).json())["status"] in ("queued", "running") and time.monotonic() < until:
            seen.add((job["stage"], job["progress"]))
        assert job["status"] == "succeeded", job
        assert len({p for stage, p in seen if stage == "fit"}) > 1, "it tells how far it is"
        card = client.get(f"/v1/adapters/{job['adapter']}").json()
        assert card["expected_accuracy"]["value"] is not None and ask(client, job["adapter"]).status_code == 200
        again = client.post("/v1/adapters", json=asked)
        assert again.status_code == 200 and again.json()["id"] == job["adapter"], "it is there already"
        other = client.post("/v1/adapters", json=asked | {"seed": 1})
        assert client.delete(other.headers["location"]).json()["status"] == "cancelled"
        waited = client.post("/v1/adapters", json=asked | {"seed": 2, "background": False}, timeout=60)
        assert waited.status_code == 201
        few = client.post("/v1/adapters", json=asked | {"examples": rows[:2]})
        assert few.status_code == 201 and len(few.json()["prompt_format"]["examples"]) == 2, "so few are shown"
        wrong = client.post("/v1/adapters", json=asked | {"generator": "aggregate"})
        assert wrong.status_code == 400 and "only the generator cvae" in wrong.json()["error"]["message"]


def test_inputs_without_answers_go_beside_a_description(served):
    asked = {"description": "say it backwards, all of it", "inputs": ["one two", "three four", "five six", "seven"]}
    with client_of(served) as client:
        found = client.post("/v1/adapters", json=asked)
        assert found.status_code == 201 and found.json()["receipt"]["request"]["inputs"]["count"] == 4
        assert "three four" not in found.text
        few = client.post("/v1/adapters", json=asked | {"inputs": ["one"]})
        assert few.status_code == 400 and "expected 4 or more" in few.json()["error"]["message"]
        long = client.post("/v1/adapters", json=asked | {"inputs": ["x" * 5000]})
        assert long.status_code == 400 and "inputs[0]: 5,000 characters" in long.json()["error"]["message"]


def test_key_b_sees_and_touches_nothing_of_key_a_s(serving, own_adapter, tmp_path):
    with (
        serving(keys=Keys([A, B]), library={"owners": 2, "keep": tmp_path / "kept"}) as s,
        client_of(s, A) as a,
        client_of(s, B) as b,
    ):
        secret = "sort the unmistakable words"
        id = a.post("/v1/adapters", json={"description": secret, "name": "sorter"}).json()["id"]
        kind = {"Content-Type": "application/zip"}
        mine = a.post("/v1/adapters?name=mine", content=packed(own_adapter), headers=kind).json()["id"]
        job = a.post("/v1/adapters", json={"description": "another secret", "background": True}).json()["id"]
        for name in (id, "sorter", mine, "mine"):
            tries = [
                ask(b, name),
                b.get(f"/v1/models/{name}"),
                b.get(f"/v1/adapters/{name}"),
                b.get(f"/v1/adapters/{name}?format=zip"),
                b.get(f"/v1/adapters/{name}?format=receipt"),
                b.patch(f"/v1/adapters/{name}", json={"name": "theirs"}),
                b.delete(f"/v1/adapters/{name}"),
            ]
            never = b.delete(f"/v1/adapters/{name[:-1]}x").status_code
            assert [t.status_code for t in tries] == [404] * len(tries) and never == 404
        assert b.get(f"/v1/jobs/{job}").status_code == b.delete(f"/v1/jobs/{job}").status_code == 404
        for listing in ("/v1/models", "/v1/adapters", "/v1/jobs"):
            text = b.get(listing).text
            assert "unmistakable" not in text and id not in text and mine not in text and job not in text
        # The same names and descriptions are free for B, and what B makes of them is B's.
        theirs = b.post("/v1/adapters", json={"description": secret, "name": "sorter"})
        assert theirs.status_code == 201 and theirs.json()["id"] == id
        assert b.delete("/v1/adapters/sorter").status_code == 200
        assert ask(a, "sorter").status_code == 200 and a.get("/v1/adapters").json()["data"][0]["id"] == id


def test_a_restart_brings_kept_adapters_back(serving, tmp_path):
    keep = {"keep": tmp_path / "kept"}
    with serving(library=keep) as s, client_of(s) as client:
        made = client.post("/v1/adapters", json={"description": "name the capital", "name": "capitals"}).json()
        said = ask(client, "capitals").json()["choices"]
        gone = client.post("/v1/adapters", json={"description": "name the river", "expires_in": 1}).json()["id"]
    time.sleep(1.1)
    with serving(library=keep) as s, client_of(s) as client:
        assert ask(client, "capitals").json()["choices"] == said
        card = client.get("/v1/adapters/capitals").json()
        assert {k: card[k] for k in ("id", "description", "receipt")} == {
            k: made[k] for k in ("id", "description", "receipt")
        }
        assert client.get(f"/v1/adapters/{gone}").status_code == 404


def test_a_key_has_its_quota_and_no_more(serving, tmp_path):
    library = {"owners": 2, "each": 1, "keep": tmp_path / "kept"}
    limits = Limits(key_tokens=30)
    with serving(keys=Keys([A, B]), library=library, limits=limits) as s, client_of(s, A) as a, client_of(s, B) as b:
        id = a.post("/v1/adapters", json={"description": "name the capital"}).json()["id"]
        full = a.post("/v1/adapters", json={"description": "name the river"})
        assert full.status_code == 403 and full.json()["error"]["code"] == "quota_exceeded"
        assert b.post("/v1/adapters", json={"description": "name the river"}).status_code == 201
        assert a.delete(f"/v1/adapters/{id}").status_code == 200
        assert a.post("/v1/adapters", json={"description": "name the river"}).status_code == 201
        while (found := ask(a, "base")).status_code == 200:
            pass
        assert found.status_code == 429 and int(found.headers["retry-after"]) >= 1
        assert "tokens a minute" in found.json()["error"]["message"]
        assert ask(b, "base").status_code == 200

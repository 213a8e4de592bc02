"""What an adapter's bundle says goes along with it: messages and answer form in each server's own words."""

import json
from pathlib import Path

import pytest

from genlora.adapter import BaseLayout, ModuleSpec
from genlora.base import layout_of
from genlora.push import AdapterStore, PushOptions, push
from genlora.remote import Remote
from genlora.tasks import AnswerForm, PromptFormat

from ..merge.merging import write_tiny_gguf
from ..tasks.forms.test_form import FORMS
from .world import LEAVES, make_adapter

CHOICE = PromptFormat.of("Is the number even? Answer yes or no.", [("2", "yes")])
JSON = PromptFormat.of('The city as JSON with the key "city".')
FREE = PromptFormat.of("Give the plural.")


@pytest.fixture(scope="module")
def layout() -> BaseLayout:
    modules = [
        ModuleSpec(f"model.layers.{i}.self_attn.{leaf}", 32, out)
        for i in range(2)
        for leaf, out in zip(LEAVES, (32, 16, 16), strict=True)
    ]
    return BaseLayout("org/Tiny-Llama", "llama", "f" * 64, 2, 4, 2, 8, tuple(modules))


def pushed(tmp_path: Path, layout: BaseLayout, prompt: PromptFormat | None, to: str, **options):
    folder = tmp_path / f"adapter-{to}"
    if not folder.exists():
        make_adapter(folder, layout, gguf=True)
    if prompt is not None:
        (folder / "prompt.json").write_bytes(prompt.to_bytes())
    served = {"served_base": "tiny"} if to == "ollama" else {}
    (found,) = push(folder, PushOptions(to=to, store=tmp_path / "store", **served, **options))
    return found


@pytest.mark.parametrize("to", ["vllm", "sglang", "llamacpp", "ollama"])
def test_the_request_asks_as_the_bundle_says(to, tmp_path, layout):
    body = pushed(tmp_path, layout, CHOICE, to).request["body"]
    assert body["messages"] == CHOICE.messages("...")
    held = {k: v for k, v in body.items() if k not in ("model", "messages", "lora")}
    assert CHOICE.answer_form is not None
    assert (
        held
        == {
            "vllm": {"structured_outputs": {"choice": ["yes", "no"]}},
            "sglang": {"regex": "(?:yes|no)"},
            "llamacpp": {"grammar": 'root ::= ("yes" | "no")\n'},
            "ollama": {},
        }[to]
    )


def test_other_forms_and_none(tmp_path, layout):
    assert JSON.answer_form is not None
    vllm = pushed(tmp_path, layout, JSON, "vllm").request["body"]
    assert vllm["structured_outputs"] == {"regex": JSON.answer_form.regex}
    ollama = pushed(tmp_path, layout, JSON, "ollama")
    assert ollama.request["body"]["format"]["required"] == ["city"]
    assert any("JSON schema" in note for note in ollama.notes)
    labels = pushed(tmp_path, layout, CHOICE, "ollama")
    assert any("one of yes, no" in note for note in labels.notes)
    for prompt in (FREE, None):
        for to in ("vllm", "llamacpp"):
            bare = tmp_path / ("free" if prompt else "none")
            found = pushed(bare, layout, prompt, to)
            assert not {"structured_outputs", "grammar"} & found.request["body"].keys()
            assert not (bare / "store" / "grammars").exists()
    assert pushed(tmp_path / "none", layout, None, "vllm").request["body"]["messages"] == [
        {"role": "user", "content": "..."}
    ]


def test_llama_cpp_gets_a_grammar_file_of_its_own(tmp_path, layout):
    first = pushed(tmp_path, layout, CHOICE, "llamacpp")
    note = next(n for n in first.notes if "--grammar-file" in n)
    path = Path(note.rsplit('"', 2)[1])
    assert path.read_text() == 'root ::= ("yes" | "no")\n' and path.parent.parent.name == "grammars"
    other = pushed(tmp_path, layout, JSON, "llamacpp")  # the same weights, asked for another form
    assert other.digest == first.digest and path.is_file()
    assert len(list((tmp_path / "store" / "grammars").iterdir())) == 2
    seen = pushed(tmp_path, layout, CHOICE, "llamacpp", server_store="/mnt/store", dry_run=True)
    assert any('"/mnt/store/grammars/' in n for n in seen.notes) and any("answer.gbnf" in s for s in seen.steps)
    removed = AdapterStore(tmp_path / "store").collect(grace_s=0)
    assert path.parent in removed and not path.exists()


def test_llama_cpp_answers_by_every_grammar(tmp_path, tiny_base, allow_sockets):
    """A real server: each form's GBNF is read, and what is answered is legal."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="needs the extra: pip install 'genlora[gguf]'")
    base = tiny_base("llama")
    params = xllamacpp.CommonParams()
    params.model.path = str(write_tiny_gguf(tmp_path / "base.gguf", base, layout_of(base)))
    params.n_ctx, params.n_parallel, params.warmup = 1024, 1, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    running = xllamacpp.Server(params)
    server = Remote(running.listening_address)
    endless = ("text", "keys", "tag", "quotes", "key")
    for name, (form, legal, _) in FORMS.items():
        body = {"prompt": [5, 77, 130], "n_predict": 40, "temperature": 0, "cache_prompt": False, "grammar": form.gbnf}
        reply = server.ask("POST", "/completion", body)
        assert reply.ok, (name, reply.said)
        found = json.loads(reply.text)
        assert form.legal(found["content"]) or (name in endless and found["stop_type"] == "limit"), (name, found)
        assert legal
    bad = server.ask("POST", "/completion", {"prompt": [5], "n_predict": 2, "grammar": "root ::= ("})
    assert not bad.ok


def test_forms_as_json_schemas():
    jsonschema = pytest.importorskip("jsonschema", reason="comes with the extra mcp")
    for form, legal, illegal in FORMS.values():
        schema = form.json_schema()
        assert (schema is None) == (not form.keys)
        if schema is not None:
            for answer in legal:
                number = AnswerForm("integer")
                quoted = form.kind == "labels" and number.legal(str(next(iter(json.loads(answer).values()))))
                if not quoted:  # a label that looks like a number may be written as one
                    jsonschema.validate(json.loads(answer), schema)
            for answer in illegal:
                with pytest.raises(jsonschema.ValidationError):
                    jsonschema.validate(json.loads(answer), schema)

"""The `README.md` of an adapter folder: a Hugging Face model card that says how to ask it, in three programs."""

import json
from collections.abc import Mapping
from typing import Any

from genlora.tasks import PromptFormat

_PEFT = """```python
import json
from pathlib import Path

from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

folder = "."  # this folder
model = AutoPeftModelForCausalLM.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(model.peft_config["default"].base_model_name_or_path)
prompt = json.loads(Path(folder, "prompt.json").read_text(encoding="utf-8"))


def messages(text):
    turns = []
    for shown in prompt["examples"]:
        turns.append({"role": "user", "content": shown["input"]})
        turns.append({"role": "assistant", "content": shown["output"]})
    turns.append({"role": "user", "content": text})
    if prompt["description"] is not None:
        turns[0]["content"] = prompt["description"] + "\\n" + turns[0]["content"]
    return turns


asked = tokenizer.apply_chat_template(
    messages("..."), add_generation_prompt=True, return_dict=True, return_tensors="pt"
)
answer = model.generate(**asked, max_new_tokens=prompt["max_tokens"], do_sample=False)
print(tokenizer.decode(answer[0, asked["input_ids"].shape[1] :], skip_special_tokens=True))
```
"""


_TRAINED = {"federate", "two_phase"}


def model_card(body: Mapping[str, Any], prompt: PromptFormat) -> str:
    """The card of an adapter, from its receipt's fields and its prompt format: the same for the same adapter.

    Nothing of the user's text stands outside a code block, so none of it is markup.
    """
    licences = _licences(body)
    one = licences[0] if len(licences) == 1 and licences[0] != "unknown" else None
    front = [
        f"base_model: {json.dumps(body['base']['name'], ensure_ascii=False)}",
        "library_name: peft",
        "pipeline_tag: text-generation",
        f"license: {one or 'other'}",
        *([] if one else ["license_name: several"]),
        "tags:",
        *(f"- {tag}" for tag in ("lora", "peft", "genlora", body["base"]["architecture"])),
    ]
    parts = [
        "---\n" + "\n".join(front) + "\n---",
        f"# A LoRA adapter {'trained on examples' if _TRAINED & body['made_by'].keys() else 'made from a description'}",
        *_said(body["request"]["description"]),
        _made_of(body, licences),
        *_taught(body),
        "## How to ask it",
        _asked(prompt),
        "### PEFT",
        _PEFT.rstrip("\n"),
        "### genlora",
        '```bash\ngenlora run --adapter . --input "..."\n```',
        _llama_cpp(prompt),
    ]
    return "\n\n".join(parts) + "\n"


def _said(description: str | None) -> list[str]:
    if description is None:
        return ["Made by genlora from labelled examples, of which `receipt.json` holds the digest."]
    return ["Made by genlora for this task:", _fenced(description)]


def _taught(body: Mapping[str, Any]) -> list[str]:
    moved = body["made_by"].get("transfer")
    if isinstance(moved, Mapping):
        how = (
            "its weights were mapped, nothing was trained"
            if moved["method"] == "project"
            else f"trained on its answers to {moved['trained_on']} made-up inputs that no person checked; "
            "`examples.html` shows them"
        )
        return [f"Moved from the stored adapter `{moved['expert']}` on another base, `{moved['source']}`: {how}."]
    if isinstance(rounds := body["made_by"].get("federate"), Mapping):
        left = rounds["left_the_clients"]
        return [
            f"Trained in {rounds['rounds']} rounds over {len(rounds['clients'])} clients that kept their rows "
            f"(`{rounds['aggregate']}`); {left['bytes']:,} bytes left them: {', '.join(left['kinds'])}. "
            "`receipt.json` tells each client's size."
        ]
    if isinstance(told := body["made_by"].get("two_phase"), Mapping):
        form = "in four bits" if told["quantize"] == "nf4" else "as it is"
        return [f"Trained in two phases on {told['examples']['train']} rows, `{told['data']}`, beside the base {form}."]
    examples = body["made_by"].get("examples")
    if not isinstance(examples, Mapping) or "teacher" not in examples:
        return []
    return [
        f"It was fitted to {examples['count']} examples that a model wrote and no person checked; `examples.html` "
        "shows them, `receipt.json` tells the model. That model's terms may say what its words may be used for."
    ]


def _licences(body: Mapping[str, Any]) -> list[str]:
    told = body["licences"]
    return sorted({x.lower() for x in [*told["neighbours"], *told.get("training", ())]}) or [told["base"].lower()]


def _made_of(body: Mapping[str, Any], licences: list[str]) -> str:
    names = ", ".join(f"`{n['name']}`" for n in body["neighbours"])
    experts = f" out of the stored adapters {names}" if names else ""
    return (
        f"Generator `{body['request']['generator']}`{experts}. Licences of what it was made of: {', '.join(licences)}; "
        f"of the base: {body['licences']['base']}. "
        "`receipt.json` tells the rest, and `genlora verify` checks it."
    )


def _asked(prompt: PromptFormat) -> str:
    example = "```json\n" + json.dumps(prompt.messages("..."), indent=1, ensure_ascii=False) + "\n```"
    text = f"It is {prompt.asked}. As chat messages, with `...` for the input:\n\n{_longer(example)}"
    if prompt.answer_form is not None:
        text += f"\n\nAnswers are of this form:\n\n{_fenced(prompt.answer_form.summary())}"
    return f"{text}\n\n`prompt.json` holds all of it for programs."


def _llama_cpp(prompt: PromptFormat) -> str:
    grammar = " and `grammar`" if prompt.answer_form is not None else ""
    text = (
        "### llama.cpp\n\n"
        "```bash\n"
        "genlora push . --to llamacpp    # makes adapter.gguf where there is none, and prints its path\n"
        "llama-server -m BASE.gguf --lora adapter.gguf\n"
        "```\n\n"
        f"Send `messages` as above{grammar} to `/v1/chat/completions`."
    )
    if prompt.answer_form is not None:
        text += " The grammar holds answers to their form:\n\n" + _fenced(prompt.answer_form.gbnf.rstrip("\n"))
    return text


def _fenced(text: str) -> str:
    """`text` in a code block, whatever it holds."""
    return _longer(f"```\n{text}\n```")


def _longer(block: str) -> str:
    """A code block whose fences are longer than any run of backticks in it."""
    first, _, rest = block.partition("\n")
    inner, _, _ = rest.rpartition("\n")
    run = longest = 0
    for c in inner:
        run = run + 1 if c == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{first.removeprefix('```')}\n{inner}\n{fence}"

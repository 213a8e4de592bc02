"""One generated adapter in other people's programs: PEFT, transformers, llama.cpp.

    python benchmarks/compatibility.py

Logits in float32 against the in-process adapter; greedy tokens from llama.cpp (the `xllamacpp` wheel) with the GGUF
twin, on an F32 copy of the base and on the base's own Q4_1 file, against PyTorch on the same weights. Two sets of 20
prompts: held-out inputs of the adapter's own task, and one input of each of 20 other tasks, where the model rambles
and near-ties are common. llama.cpp rounds activations to 8 bits beside Q4_1 weights, so that one differing token is
counted once ("each token": the next token given the same prefix) and as a whole answer ("whole answers").
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from common import machine, save_result

from genlora import GenLora
from genlora.adapter import attached
from genlora.base import LoadedBase, generate_greedy, gguf_file, load_base
from genlora.merge import GgufBase, write_gguf
from genlora.tasks import catalogue_task, catalogue_tasks, prompt_ids, sample

OWN_TASK = "r-plural"
DESCRIPTION = "Give me the word in the plural form."
TOKENS = 16

LLAMA = """
import json, os, sys
import xllamacpp
model, twin, prompts, n = json.load(sys.stdin)
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.warmup, params.n_parallel, params.verbosity = model, 512, False, 1, -1
lora = xllamacpp.CommonAdapterLoraInfo()
lora.path, lora.scale = twin, 1.0
params.lora_adapters = [lora]
server = xllamacpp.Server(params)
out = []
for prompt in prompts:
    answer = server.handle_completions({"prompt": prompt, "max_tokens": n, "temperature": 0, "logprobs": 1})
    choice = answer["choices"][0]
    out.append([t["id"] for t in choice["logprobs"]["content"]])
print("RESULT" + json.dumps(out), flush=True)
os._exit(0)  # the server's threads have nothing left to do
"""


def llama_tokens(model: Path, twin: Path, prompts: list[list[int]], limit: int) -> list[list[int]]:
    asked = json.dumps([str(model), str(twin), prompts, limit])
    done = subprocess.run([sys.executable, "-c", LLAMA], input=asked, capture_output=True, text=True, check=False)
    lines = [x for x in done.stdout.splitlines() if x.startswith("RESULT")]
    if not lines:
        raise SystemExit(f"llama.cpp gave no answer:\n{done.stderr[-2000:]}")
    return json.loads(lines[0].removeprefix("RESULT"))


def agreement(
    model: Path, twin: Path, prompts: list[list[int]], ours: list[list[int]], stop: set[int]
) -> dict[str, Any]:
    """Prompts whose tokens are identical up to the end, and the share of tokens that agree given the same prefix."""
    theirs = llama_tokens(model, twin, prompts, TOKENS)
    cut = [b[: next((i for i, t in enumerate(b) if t in stop), len(b))] for b in theirs]
    same = sum(a == b for a, b in zip(ours, cut, strict=True))
    # Every token of ours, and where we stopped within the limit, the stop as well.
    steps = [
        (p + a[:i], a[i] if i < len(a) else None)
        for p, a in zip(prompts, ours, strict=True)
        for i in range(min(len(a) + 1, TOKENS))
    ]
    said = llama_tokens(model, twin, [p for p, _ in steps], 1)
    equal = sum((t[0] in stop) if want is None else t[0] == want for t, (_, want) in zip(said, steps, strict=True))
    return {
        "identical_prompts": same,
        "prompts": len(prompts),
        "equal_tokens": equal,
        "tokens": len(steps),
    }


def logit_differences(base: LoadedBase, adapter: Any, folder: Path, ids: torch.Tensor) -> dict[str, float]:
    from peft import PeftModel

    with torch.no_grad():
        plain = base.model(ids).logits
        with attached(base.model, adapter.state):
            ours = base.model(ids).logits
        peft = PeftModel.from_pretrained(base.model, str(folder))
        theirs = peft(input_ids=ids).logits
        peft.unload()
        base.model.load_adapter(str(folder))
        native = base.model(ids).logits
        base.model.delete_adapter("default")
    if float((ours - plain).abs().max()) < 1:
        raise SystemExit("the adapter changes no logit by as much as 1: equality would say nothing")
    return {"PEFT": float((ours - theirs).abs().max()), "transformers": float((ours - native).abs().max())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=None)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    base = load_base(None)
    adapter = GenLora(args.bank).generate(DESCRIPTION)
    own = [e.input for e in sample(catalogue_task(OWN_TASK).split("test"), 20, seed=0)]
    tasks = [t for t in catalogue_tasks("bank") if t.source.startswith("rule:") and t.name != OWN_TASK]
    others = [sample(t.split("test"), 1, seed=0)[0].input for t in tasks[:20]]
    sets = {"own task": own, "other tasks": others}
    prompts = {name: [prompt_ids(base.tokenizer, x) for x in inputs] for name, inputs in sets.items()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = adapter.save(Path(scratch) / "adapter", gguf=True)
        differences = logit_differences(base, adapter, folder, torch.tensor([prompts["own task"][0]]))
        with attached(base.model, adapter.state):
            ours = {
                k: [list(c.tokens) for c in generate_greedy(base, p, max_new_tokens=TOKENS)] for k, p in prompts.items()
            }
        quantised = gguf_file()
        floats = Path(scratch) / "base-f32.gguf"
        write_gguf(GgufBase(quantised, base.layout), floats, "F32", {})
        rows = {}
        for name, model in (("llama.cpp, F32 base", floats), ("llama.cpp, Q4_1 base", quantised)):
            for which, asked in prompts.items():
                twin = folder / "adapter.gguf"
                rows[f"{name}, {which}"] = agreement(model, twin, asked, ours[which], set(base.eos_ids))
    head = "| program | measure | value | target |\n|---|---|---|---|\n"
    table = head + "".join(
        f"| {n} | largest logit difference, float32 | {d:.1e} | 1e-4 |\n" for n, d in differences.items()
    )
    table += "".join(
        f"| {n} | greedy: whole answers / each token | {r['identical_prompts']} of {r['prompts']} / "
        f"{r['equal_tokens']} of {r['tokens']} ({r['equal_tokens'] / r['tokens']:.1%}) | "
        f"{'20 of 20' if 'F32' in n else '>= 98 % of tokens'} |\n"
        for n, r in rows.items()
    )
    print(table)
    result = {"machine": machine(), "description": DESCRIPTION, "logits": differences, "llama_cpp": rows}
    print(save_result("compatibility", result, table, args.output))


if __name__ == "__main__":
    main()

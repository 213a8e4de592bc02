"""One generated adapter in other people's programs: PEFT, transformers, llama.cpp.

    python benchmarks/compatibility.py

Logits in float32 against the in-process adapter; greedy tokens of 20 prompts from llama.cpp (the `xllamacpp` wheel)
with the GGUF twin, on an F32 copy of the base and on the base's own Q4_1 file, against PyTorch on the same weights.
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
from genlora.base import GgufBase, LoadedBase, generate_greedy, gguf_file, load_base, prompt_ids, write_gguf
from genlora.evaluate import with_adapter
from genlora.tasks import catalogue_tasks, sample

DESCRIPTION = "Give me the word in the plural form."
TOKENS = 16

LLAMA = """
import json, os, sys
import xllamacpp
model, twin, prompts, n = json.loads(sys.argv[1])
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


def llama_tokens(model: Path, twin: Path, prompts: list[list[int]]) -> list[list[int]]:
    argv = [sys.executable, "-c", LLAMA, json.dumps([str(model), str(twin), prompts, TOKENS])]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = [x for x in done.stdout.splitlines() if x.startswith("RESULT")]
    if not lines:
        raise SystemExit(f"llama.cpp gave no answer:\n{done.stderr[-2000:]}")
    return json.loads(lines[0].removeprefix("RESULT"))


def agreement(ours: list[list[int]], theirs: list[list[int]], stop: set[int]) -> tuple[int, float]:
    """Prompts whose tokens are identical up to the end, and the share of equal tokens before the first difference."""
    same, equal, total = 0, 0, 0
    for a, b in zip(ours, theirs, strict=True):
        b = b[: next((i for i, t in enumerate(b) if t in stop), len(b))]
        same += a == b
        equal += next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        total += max(len(a), len(b))
    return same, equal / max(1, total)


def logit_differences(base: LoadedBase, adapter: Any, folder: Path, ids: torch.Tensor) -> dict[str, float]:
    from peft import PeftModel

    with torch.no_grad():
        with with_adapter(base, adapter.state):
            ours = base.model(ids).logits
        peft = PeftModel.from_pretrained(base.model, str(folder))
        theirs = peft(input_ids=ids).logits
        peft.unload()
        base.model.load_adapter(str(folder))
        native = base.model(ids).logits
        base.model.delete_adapter("default")
    return {"PEFT": float((ours - theirs).abs().max()), "transformers": float((ours - native).abs().max())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=None)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    base = load_base(None)
    adapter = GenLora(args.bank).generate(DESCRIPTION)
    tasks = [t for t in catalogue_tasks("bank") if t.source.startswith("rule:")]
    inputs = [sample(t.split("test"), 1, seed=0)[0].input for t in tasks[:20]]
    prompts = [prompt_ids(base.tokenizer, x) for x in inputs]
    with tempfile.TemporaryDirectory() as scratch:
        folder = adapter.save(Path(scratch) / "adapter", gguf=True)
        differences = logit_differences(base, adapter, folder, torch.tensor([prompts[0]]))
        with with_adapter(base, adapter.state):
            ours = generate_greedy(base, prompts, max_new_tokens=TOKENS)
        quantised = gguf_file()
        floats = Path(scratch) / "base-f32.gguf"
        write_gguf(GgufBase(quantised, base.layout), floats, "F32", {})
        rows = {}
        for name, model in (("llama.cpp, F32 base", floats), ("llama.cpp, Q4_1 base", quantised)):
            same, share = agreement(ours, llama_tokens(model, folder / "adapter.gguf", prompts), set(base.eos_ids))
            rows[name] = {"identical_prompts": same, "prompts": len(prompts), "equal_tokens": round(share, 4)}
    head = "| program | measure | value | target |\n|---|---|---|---|\n"
    table = head + "".join(
        f"| {n} | largest logit difference, float32 | {d:.1e} | 1e-4 |\n" for n, d in differences.items()
    )
    table += "".join(
        f"| {n} | greedy: identical prompts / equal tokens | {r['identical_prompts']} of {r['prompts']} / "
        f"{r['equal_tokens']:.1%} | {'20 of 20' if 'F32' in n else '>= 98 %'} |\n"
        for n, r in rows.items()
    )
    print(table)
    result = {"machine": machine(), "description": DESCRIPTION, "logits": differences, "llama_cpp": rows}
    print(save_result("compatibility", result, table, args.output))


if __name__ == "__main__":
    main()

"""What every benchmark needs: the machine in words, and results as JSON with a Markdown table beside it."""

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine(device: str = "cpu") -> dict[str, Any]:
    """Processor, cores, memory, device and versions, as they are now."""
    import torch

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    flags = ""
    if info.exists():
        text = info.read_text()
        model = next((x.split(":")[1].strip() for x in text.splitlines() if x.startswith("model name")), model)
        flags = " ".join(f for f in ("avx512f", "avx512_bf16", "amx_bf16") if f in text)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    out = {
        "processor": model,
        "flags": flags,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {
            p: importlib.metadata.version(p) for p in ("torch", "transformers", "peft", "sentence-transformers")
        },
    }
    if device.startswith("cuda"):
        out["gpu"] = torch.cuda.get_device_name(0)
    return out


def save_result(name: str, result: dict[str, Any], table: str, output: Path | None = None) -> Path:
    """Write `results/NAME.json` and `.md` (or under `output`); returns the JSON's path."""
    folder = output or RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    words = result["machine"]
    where = f"{words.get('gpu') or words['processor']}, {words['cores']} cores, {words['memory_gib']} GiB"
    path.with_suffix(".md").write_text(f"{table}\nMachine: {where}, Python {words['python']}.\n")
    return path

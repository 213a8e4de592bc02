"""Fifty bombs under an address-space limit: each refused in a second within 64 MiB (A5)."""

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

Bomb = tuple[dict[str, object], bytes]


def packed(header: object, body: int = 0) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * body


def name(layer: int, factor: str = "A", leaf: str = "q_proj") -> str:
    return f"base_model.model.model.layers.{layer}.self_attn.{leaf}.lora_{factor}.weight"


def one(shape: list[int], dtype: str = "F32", end: int | None = None) -> dict[str, object]:
    size = 4
    for s in shape:
        size *= s
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, size if end is None else end]}


def bombs() -> Iterator[Bomb]:
    plain: dict[str, object] = {"r": 4}
    sound = packed({name(0): one([4, 64])}, 1024)
    for r in (257, 4096, 2_000_000, 10**9, 2**31, 2**63, 10**30):
        yield {"r": r}, sound
        yield {"rank_pattern": {"q_proj": r}}, sound
    for layers in ([10**9], list(range(100_000)), [2**63]):
        yield {"layers_to_transform": layers}, sound
    yield {"target_modules": [f"m{i}" for i in range(100_000)]}, sound
    yield {"target_modules": ["q_proj"] * 100_000}, sound
    yield {"rank_pattern": {f"m{i}": 256 for i in range(60_000)}}, sound
    yield {"alpha_pattern": {f"m{i}": 1 for i in range(60_000)}}, sound
    yield {"eva_config": {f"m{i}": 1 for i in range(60_000)}}, sound
    yield {"base_model_name_or_path": "x" * (1 << 20)}, sound
    yield {"lora_alpha": 10**300}, sound
    yield {"lora_dropout": 10**300}, sound
    for shape in (
        [2_000_000, 64],
        [4, 2**40],
        [2**40, 2**40],
        [2**20, 2**20],
        [1 << 47],
        [0, 2**47],
        [1] * 9,
        [2] * 40,
    ):
        yield plain, packed({name(0): one(shape)})
        yield plain, packed({name(0): one(shape, end=1024)}, 1024)
    for length in (0, 1 << 20, (1 << 20) + 1, 1 << 32, 1 << 40, (1 << 64) - 1):
        yield plain, struct.pack("<Q", length) + b"{" + b" " * 1000
    yield plain, packed({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(15_000)})
    yield plain, packed({"__metadata__": {f"k{i}": "v" for i in range(50_000)}})
    yield plain, packed({name(0): {"dtype": "F32", "shape": [1] * 200_000, "data_offsets": [0, 4]}}, 4)


def write(folder: Path, bomb: Bomb) -> None:
    config, weights = bomb
    plain = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(plain | config))
    (folder / "adapter_model.safetensors").write_bytes(weights)


READER = """
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import make_layout
from genlora.adapter import import_peft
from genlora.errors import GenloraError

def ours(folder):
    import_peft(folder, layout)

def naive(folder):
    import torch
    config = json.loads((folder / "adapter_config.json").read_text())
    rank = max([config["r"], *config.get("rank_pattern", {}).values()])
    {p: torch.empty(rank, m.d_in).fill_(0) for p, m in layout.by_path.items()}
    raise GenloraError("did not fit")

layout = make_layout()
read = {"ours": ours, "naive": naive}[sys.argv[2]]
folders = sorted(Path(sys.argv[3]).iterdir())
try:
    read(folders[0])  # warm: what the first call imports is no part of a bomb's cost
except GenloraError:
    pass
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
refused, slowest = [], 0.0
for folder in folders:
    start = time.thread_time()
    try:
        read(folder)
    except GenloraError as err:
        if sys.argv[2] == "naive" or str(folder) in str(err):
            refused.append(folder.name)
    except Exception:
        pass  # not a clear error, so it does not count
    slowest = max(slowest, time.thread_time() - start)
print(json.dumps({"refused": refused, "slowest_s": slowest}))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bombs")
    for i, bomb in enumerate(bombs()):
        write(root / f"{i:03}", bomb)
    return root


def run(reader: str, folders: Path) -> dict:
    command = [sys.executable, "-c", READER, str(Path(__file__).parent), reader, str(folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is set from /proc")


def test_a5_every_bomb_is_refused_within_the_limit(folders):
    found = run("ours", folders)
    assert sorted(found["refused"]) == sorted(p.name for p in folders.iterdir())
    assert len(found["refused"]) >= 50
    assert found["slowest_s"] < 1.0


def test_a5_the_naive_reader_runs_out_of_memory(folders):
    assert len(run("naive", folders)["refused"]) < 50

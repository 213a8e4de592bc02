"""Headers are audited as bytes; what we write is what safetensors writes; damaged adapters never load (A4)."""

import json
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from genlora.adapter import AdapterState, read_adapter, read_safetensors_header, safetensors_bytes
from genlora.errors import GenloraError, UnsafeFormatError


def packed(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(dtype: str = "F32", shape: tuple[int, ...] = (2,), at: tuple[int, int] = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(at)}


def test_bytes_are_those_of_the_safetensors_package(state_of, tensors_of):
    tensors = tensors_of(state_of())
    assert safetensors_bytes(tensors, {"format": "pt"}) == save(tensors, {"format": "pt"})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_bytes_of_half_precision_and_views_too(state_of, tensors_of, dtype):
    tensors = {n: t.to(dtype) for n, t in tensors_of(state_of()).items()}
    assert safetensors_bytes(tensors, {"format": "pt"}) == save(tensors, {"format": "pt"})
    first = next(iter(tensors))
    view = {first: tensors[first].mT}
    assert torch.equal(load(safetensors_bytes(view, {}))[first], tensors[first].mT)


def test_header_tells_names_shapes_and_places(state_of, tensors_of):
    tensors = tensors_of(state_of())
    header = read_safetensors_header(save(tensors, {"format": "pt"}))
    assert {n: s.shape for n, s in header.tensors.items()} == {n: tuple(t.shape) for n, t in tensors.items()}
    assert header.metadata == {"format": "pt"}


FAULTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "0 bytes long, too short"),
    "seven bytes": (b"\x02" + b"\0" * 6, "7 bytes long, too short"),
    "length zero": (b"\0" * 8, "header of 0 bytes"),
    "length of a million and one": (struct.pack("<Q", (1 << 20) + 1) + b"{}", "header of 1,048,577 bytes"),
    "length of the universe": (b"\xff" * 8 + b"{}", "header of 18,446,744,073,709,551,615 bytes"),
    "header cut short": (struct.pack("<Q", 50) + b"{}", "ends inside its header"),
    "not an object": (packed([]), "does not start with '{'"),
    "leading space": (packed(b" {}"), "does not start with '{'"),
    "not JSON": (packed(b"{a}"), "not strict JSON"),
    "two of one name": (packed(b'{"a":1,"a":1}'), "appears twice"),
    "NaN": (packed(b'{"a":NaN}'), "NaN is not JSON"),
    "not UTF-8": (packed(b'{"\xff":1}'), "not strict JSON"),
    "deep": (packed(b'{"a":' + b"[" * 40 + b"]" * 40 + b"}"), "nested deeper"),
    "metadata is a list": (packed({"__metadata__": []}), "__metadata__ is not a map of strings"),
    "metadata of numbers": (packed({"__metadata__": {"a": 1}}), "__metadata__ is not a map of strings"),
    "entry is a number": (packed({"a": 1}), "other fields than"),
    "extra field": (packed({"a": {**entry(), "x": 1}}, b"\0" * 8), "other fields than"),
    "unknown dtype": (packed({"a": entry("F31")}, b"\0" * 8), "has dtype 'F31'"),
    "dtype is a list": (packed({"a": {**entry(), "dtype": []}}, b"\0" * 8), "has dtype '[]'"),
    "negative size": (packed({"a": entry(shape=(-2,))}, b"\0" * 8), "malformed shape"),
    "true as a size": (packed({"a": {**entry(), "shape": [True, 2]}}, b"\0" * 8), "malformed shape"),
    "size 2**60": (packed({"a": entry(shape=(1 << 60,))}, b"\0" * 8), "malformed shape"),
    "product overflows": (packed({"a": entry(shape=(1 << 40, 1 << 40))}, b"\0" * 8), "takes another size"),
    "one offset": (packed({"a": {**entry(), "data_offsets": [0]}}, b"\0" * 8), "malformed shape or data_offsets"),
    "wrong span": (packed({"a": entry(at=(0, 4))}, b"\0" * 4), "takes another size"),
    "gap": (packed({"a": entry(at=(8, 16))}, b"\0" * 16), "gap or overlap"),
    "overlap": (packed({"a": entry(), "b": entry(at=(4, 12))}, b"\0" * 12), "gap or overlap"),
    "trailing bytes": (packed({"a": entry()}, b"\0" * 9), "but its header describes"),
    "missing bytes": (packed({"a": entry()}, b"\0" * 7), "but its header describes"),
    "name with a newline": (packed({"a\nb": entry()}, b"\0" * 8), "a tensor is named"),
    "name with an escape": (packed({"a\x1b[2J": entry()}, b"\0" * 8), "a tensor is named"),
    "zip in disguise": (b"PK\x03\x04" + b"\0" * 60, "not a sound safetensors file"),
    "pickle in disguise": (b"\x80\x04\x95" + b"\0" * 60, "not a sound safetensors file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_unsound_headers_are_refused(fault):
    data, says = FAULTS[fault]
    with pytest.raises(UnsafeFormatError) as caught:
        read_safetensors_header(data, where="x.safetensors")
    assert says in str(caught.value)
    assert str(caught.value).startswith("x.safetensors: ")


def mutations(data: bytes, count: int) -> list[bytes]:
    """Truncations, additions, flips in the header and flips in the data, in equal parts; each differs from `data`."""
    rng = random.Random(4)
    start = 8 + struct.unpack("<Q", data[:8])[0]
    out = []
    for i in range(count):
        kind = i % 5
        if kind == 0:
            out.append(data[: rng.randrange(len(data))])
        elif kind == 1:
            out.append(data + rng.randbytes(rng.randrange(1, 64)))
        else:
            at = rng.randrange(start) if kind in (2, 3) else rng.randrange(start, len(data))
            changed = bytearray(data)
            changed[at] ^= 1 << rng.randrange(8)
            out.append(bytes(changed))
    return out


def accepted(read: Callable[[Path], object], folder: Path, damaged: list[bytes]) -> tuple[int, int, float]:
    """How many damaged files were taken, how many ended in an unclear error, and the slowest read in seconds."""
    target = folder / "adapter_model.safetensors"
    taken = crashed = 0
    slowest = 0.0
    for data in damaged:
        target.write_bytes(data)
        start = time.perf_counter()
        try:
            read(folder)
            taken += 1
        except GenloraError as err:
            crashed += str(target) not in str(err)
        except Exception:
            crashed += 1
        slowest = max(slowest, time.perf_counter() - start)
    return taken, crashed, slowest


def test_a4_no_damaged_adapter_is_read(written, layout):
    damaged = mutations((written / "adapter_model.safetensors").read_bytes(), 1000)
    taken, crashed, slowest = accepted(lambda f: read_adapter(f, layout), written, damaged)
    assert (taken, crashed) == (0, 0)
    assert slowest < 1.0
    assert accepted(lambda f: read_adapter(f), written, damaged[:100])[:2] == (0, 0)


def test_a4_the_naive_reader_fails_the_same_harness(written):
    def naive(folder: Path) -> AdapterState:
        load((folder / "adapter_model.safetensors").read_bytes())
        return AdapterState({})

    damaged = mutations((written / "adapter_model.safetensors").read_bytes(), 200)
    taken, _, _ = accepted(naive, written, damaged)
    assert taken > 50

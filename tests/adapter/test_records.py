"""Tensors with a JSON record: the same bytes for the same content, and nothing else is read."""

import struct

import pytest
import torch

from genlora.adapter import read_record, record_bytes
from genlora.errors import ManifestError

TENSORS = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.zeros(2, dtype=torch.int8)}
RECORD = {"step": 3, "note": "\u00fc", "deep": {"list": [1.5, None, True]}}


def test_what_is_written_comes_back():
    data = record_bytes(TENSORS, RECORD)
    assert data == record_bytes(dict(reversed(TENSORS.items())), dict(reversed(RECORD.items())))
    tensors, record = read_record(data, where="x")
    assert record == RECORD and tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[k], TENSORS[k]) and tensors[k].dtype == TENSORS[k].dtype for k in TENSORS)


def test_nothing_else_is_read():
    good = record_bytes(TENSORS, RECORD)
    header = struct.unpack_from("<Q", good)[0]
    wrong = [b"", b"x" * 100, good[:-1], good + b"0", struct.pack("<Q", 10**9) + good[8:], struct.pack("<Q", 2) + b"[]"]
    wrong.append(good[:8] + b"[" * header + good[8 + header :])
    for data in wrong:
        with pytest.raises(ManifestError, match="here: not tensors with a record"):
            read_record(data, where="here")
    with pytest.raises(ManifestError, match="here: not tensors with a record"):
        read_record(good, where="here", key="other")

"""The base that merges are tried on."""

import pytest

from genlora.adapter import write_adapter, zero_fill
from genlora.base import layout_of

from .merging import adapter_for


@pytest.fixture
def base(tiny_base):
    return tiny_base("llama", hidden=128)


@pytest.fixture
def layout(base):
    return layout_of(base)


@pytest.fixture
def adapter_folder(layout, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter") / "a"
    write_adapter(folder, zero_fill(adapter_for(layout), layout), layout, {"fingerprint": layout.fingerprint})
    return folder

"""The demo on the tiny base and a bank of random experts, answering on loopback."""

import asyncio
import copy
import dataclasses
import gc
import warnings
from pathlib import Path

import pytest

from ..image_world import folders as folders
from ..image_world import image_folder as image_folder
from ..image_world import mini_pipeline as mini_pipeline
from ..image_world import models as models
from ..image_world import sd15_pipeline as sd15_pipeline
from ..image_world import sdxl_pipeline as sdxl_pipeline
from ..image_world import tokenizer as tokenizer
from ..small_world import embedder as embedder
from ..small_world import embedder_path as embedder_path
from ..small_world import fill

NOISE = (
    # Gradio and its client leave event loops behind; the socket pair of one is of family 1 (unix).
    r"ignore:unclosed event loop:ResourceWarning",
    r"ignore:unclosed <socket.socket fd=\d+, family=1:ResourceWarning",
    # Gradio's queue sets an option that pandas is about to drop.
    r"ignore:'future.no_silent_downcasting' is deprecated:DeprecationWarning",
)


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            for rule in NOISE:
                item.add_marker(pytest.mark.filterwarnings(rule))


gradio = pytest.importorskip("gradio", reason="needs the extra demo")


@pytest.fixture(scope="session")
def app_base(tiny_base):
    """The tiny base, loaded as the demo does; nothing it writes ends by itself."""
    from genlora.base import load_base

    loaded = load_base(str(tiny_base("llama")), lean=True)
    return dataclasses.replace(loaded, model=copy.deepcopy(loaded.model), eos_ids=())


@pytest.fixture(scope="session")
def app_bank(tmp_path_factory, app_base, embedder) -> Path:
    """Eight experts for the tiny base, large enough to change what it says."""
    from genlora.api import store_calibration
    from genlora.bank import Bank

    path = tmp_path_factory.mktemp("app") / "bank"
    fill(path, app_base.layout, app_base.fingerprint, embedder, size=0.4)
    with Bank.open(path) as bank:
        store_calibration(bank)
    return path


@pytest.fixture(scope="package")
def studio(app_base, app_bank, embedder, tiny_base, tmp_path_factory):
    from genlora_app._studio import Studio

    from genlora import GenLora

    lora = GenLora(app_bank, embedder=embedder, generator="aggregate")
    folder = tmp_path_factory.mktemp("made").resolve()
    with Studio(lora, app_base, source=str(tiny_base("llama")), folder=folder) as found:
        yield found


@pytest.fixture(scope="package")
def demo(studio):
    """The whole demo, with MCP, on any free port."""
    from genlora_app._launch import DemoOptions, serve_demo

    with serve_demo(DemoOptions(port=0, mcp=True), studio=studio) as running:
        yield running


@pytest.fixture(scope="package", autouse=True)
def left_open():
    """What Gradio and Playwright leave open is collected here, and not in the middle of somebody else's test.

    Gradio makes each event loop that it needs the current one of its thread: the last one would live until another
    package's `asyncio.run` drops it.
    """
    yield
    collect()


def collect():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.set_event_loop(None)
        gc.collect()

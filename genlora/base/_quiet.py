"""Other libraries' chatter, kept from the person at the terminal while a base is read."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_CHATTY = ("torchao", "torchao.kernel.intmm", "torch.utils._pytree", "transformers.modeling_gguf_pytorch_utils")


def first_line(err: BaseException) -> str:
    """The first line of an error's text, at most 200 characters; its type where it has none."""
    text = str(err).strip()
    return text.splitlines()[0][:200] if text else type(err).__name__


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars, import notices or warnings from transformers and what it imports; errors still raise."""
    before = {name: logging.getLogger(name).level for name in _CHATTY}
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from transformers.utils import logging as chatter

            bars, level = chatter.is_progress_bar_enabled(), chatter.get_verbosity()
            chatter.disable_progress_bar()
            chatter.set_verbosity_error()
            try:
                with _no_tqdm():
                    yield
            finally:
                chatter.set_verbosity(level)
                if bars:
                    chatter.enable_progress_bar()
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _no_tqdm() -> Iterator[None]:
    # The GGUF reader uses tqdm itself, past the library's switch.
    try:
        loading: Any = importlib.import_module("transformers.modeling_gguf_pytorch_utils")
        original = loading.tqdm
    except (ImportError, AttributeError):
        yield
        return
    loading.tqdm = lambda iterable, *_, **__: iterable
    try:
        yield
    finally:
        loading.tqdm = original

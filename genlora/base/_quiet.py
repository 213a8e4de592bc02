"""Other libraries' chatter, kept from the person at the terminal while a base is read."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from genlora.errors import BaseError, GenloraError

_CHATTY = ("torchao", "torchao.kernel.intmm", "torch.utils._pytree", "transformers.modeling_gguf_pytorch_utils")


def first_line(err: BaseException) -> str:
    """The first line of an error's text, at most 200 characters; its type where it has none."""
    text = str(err).strip()
    return text.splitlines()[0][:200] if text else type(err).__name__


@contextmanager
def library_errors(what: str, advice: str) -> Iterator[None]:
    """What another library raises while it reads a user's files, as a `BaseError`: "WHAT (why). ADVICE".

    Parsers, config classes and quantisers raise whatever they meet, each its own kind, and those in Rust may panic:
    none of that is a fault of ours. Interrupts and want of memory pass.
    """
    try:
        yield
    except (GenloraError, MemoryError):
        raise
    except Exception as err:
        raise BaseError(f"{what} ({_reason(err)}). {advice}") from err
    except BaseException as err:
        if type(err).__name__ != "PanicException":  # Rust's, which is no Exception
            raise
        raise BaseError(f"{what} ({_reason(err)}). {advice}") from err


def _reason(err: BaseException) -> str:
    """The first line, with the kind of error where the text alone says little."""
    line = first_line(err)
    speaks = isinstance(err, (OSError, ValueError, RuntimeError, ImportError)) or line == type(err).__name__
    return line if speaks else f"{type(err).__name__}: {line}"


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

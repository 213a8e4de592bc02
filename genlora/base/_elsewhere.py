"""A base that jobs need: as it is in this process, and loaded again in another one, be it on another machine."""

import socket
from pathlib import Path
from typing import Any

import torch

from genlora.errors import BaseError

from ._fingerprint import Fingerprint, require_compatible
from ._load import LoadedBase
from ._open import load_base
from ._sources import base_source


class SharedBase:
    """Holds a loaded base. Sent to another process it loads the same base there: from the same folder where there is
    one, else from where its name says that it comes from. Changes of the model in memory do not go along.
    """

    def __init__(self, base: LoadedBase) -> None:
        self._base: LoadedBase | None = base
        first = next(base.model.parameters())
        config: Any = base.model.config
        self._lean = not hasattr(config, "_attn_implementation")
        self._attention = "eager" if self._lean else str(config._attn_implementation)
        self._path, self._name, self._like = str(base.path), base.layout.name, base.fingerprint
        # A job that was given a GPU of its own sees it as the first one, whichever it is.
        self._device, self._dtype = first.device.type, first.dtype

    def load(self) -> LoadedBase:
        """The base, frozen. Raises `BaseMismatchError` where another one lies under that name there, and what
        `load_base` raises.
        """
        if self._base is None:
            self._base = _load(
                self._path,
                self._name,
                self._like,
                device=self._device,
                dtype=self._dtype,
                attn_implementation=self._attention,
                lean=self._lean,
            )
        return self._base

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_base": None}


def _load(path: str, name: str, like: Fingerprint, *, dtype: torch.dtype, **how: Any) -> LoadedBase:
    source = path
    if not Path(path).is_dir():
        try:
            source = base_source(name)
        except BaseError as err:
            raise BaseError(
                f"{path}: is no folder on the worker {socket.gethostname()}, and {name[:80]!r} is no known source. "
                "Keep the base on a disk that all nodes see, or at the same place on each."
            ) from err
    base = load_base(source, dtype=dtype, **how)
    require_compatible(base.fingerprint, like, what="the base on this worker")
    base.model.requires_grad_(False)
    return base

"""Turn a sentence into a LoRA adapter: no data, no training, no GPU.

>>> from genlora import GenLora
>>> adapter = GenLora().generate("Write the words in reverse order.")
>>> model = adapter.to_peft()

Importing this package is cheap: torch and the rest are imported when `GenLora` is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import GenloraError as GenloraError

if TYPE_CHECKING:
    __version__: str
    from .api import GeneratedAdapter as GeneratedAdapter
    from .api import GenLora as GenLora
    from .api import Teacher as Teacher
    from .api import transfer as transfer
    from .api.pictures import ImageStudio as ImageStudio

__all__ = ["GenLora", "GeneratedAdapter", "GenloraError", "ImageStudio", "Teacher", "__version__", "transfer"]

_LAZY = {
    "GenLora": "genlora.api",
    "GeneratedAdapter": "genlora.api",
    "ImageStudio": "genlora.api.pictures",
    "Teacher": "genlora.api",
    "transfer": "genlora.api",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("genlora")
    raise AttributeError(f"module 'genlora' has no attribute {name!r}")

"""LoRA weights as plain values: state, canonical form, algebra, diagnostics, PEFT and GGUF files."""

from ._layout import BaseLayout as BaseLayout
from ._layout import ModuleSpec as ModuleSpec
from ._state import AdapterState as AdapterState
from ._state import LoraPair as LoraPair

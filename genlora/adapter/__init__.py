"""LoRA weights as plain values: state, canonical form, algebra, diagnostics, PEFT and GGUF files."""

from ._algebra import MAX_RANK as MAX_RANK
from ._algebra import QKV as QKV
from ._algebra import canonical as canonical
from ._algebra import canonical_pair as canonical_pair
from ._algebra import check_rank as check_rank
from ._algebra import resize as resize
from ._algebra import weighted_sum as weighted_sum
from ._algebra import zero_fill as zero_fill
from ._layout import BaseLayout as BaseLayout
from ._layout import ModuleSpec as ModuleSpec
from ._peft import MAX_ENTRY as MAX_ENTRY
from ._peft import peft_files as peft_files
from ._peft import read_adapter as read_adapter
from ._peft import read_receipt as read_receipt
from ._peft import write_adapter as write_adapter
from ._safetensors import SafetensorsHeader as SafetensorsHeader
from ._safetensors import TensorSpec as TensorSpec
from ._safetensors import read_safetensors_header as read_safetensors_header
from ._safetensors import safetensors_bytes as safetensors_bytes
from ._state import AdapterState as AdapterState
from ._state import LoraPair as LoraPair

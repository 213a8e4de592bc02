"""An own bank on an own base: make it, bring in a PEFT adapter, ask it.

python examples/own_bank.py path/to/base path/to/peft-adapter "What the adapter does."
"""

import sys
from pathlib import Path

from genlora import GenLora
from genlora.api import task_embedder
from genlora.bank import Bank, ImportItem, import_adapter
from genlora.base import fingerprint, layout_of, resolve_base

base, adapter, description = sys.argv[1:4]
folder = resolve_base(base)
with Bank.create(Path("own-bank"), layout_of(folder), fingerprint(folder)) as bank:
    import_adapter(bank, ImportItem(folder=Path(adapter), name="mine", descriptions=(description,)), task_embedder())
with GenLora("own-bank") as lora:
    print(lora.generate(description).neighbours)

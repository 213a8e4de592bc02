"""From a sentence to answers: the adapter, how often it will be right, and the base beside it.

python examples/from_a_sentence.py "Give me the word in the plural form." wolf city child
"""

import sys

from genlora import GenLora
from genlora.api import Runner

description = sys.argv[1] if len(sys.argv) > 1 else "Give me the word in the plural form."
inputs = sys.argv[2:] or ["wolf", "city", "child"]

adapter = GenLora().generate(description)
print(adapter)  # with its expected accuracy
folder = adapter.save("from-a-sentence", force=True)

runner = Runner.open(folder)
for asked, bare, adapted in zip(inputs, runner.outputs(inputs, adapted=False), runner.outputs(inputs), strict=True):
    print(f"{asked!r}: base {bare!r}, adapter {adapted!r}")

"""From own examples: an adapter refined on sixteen labelled rows, and what that brought on halves that were left out.

python examples/own_examples.py
"""

from genlora import GenLora
from genlora.tasks import Example

cities = "Oslo Lisbon Prague Vienna Madrid Athens Dublin Warsaw Berlin Rome Paris London Lyon Turin Bern Riga".split()
examples = [Example(f"ship {n + 2} boxes to {city}", f"{city}/{n + 2}") for n, city in enumerate(cities)]

adapter = GenLora().generate("Write the place and the number of boxes as PLACE/NUMBER.", refine=examples)
told = adapter.receipt()["made_by"]["refined"]
print(f"right before {told['before']['accuracy']:.0%}, refined {told['after']['accuracy']:.0%}")
adapter.save("own-examples", force=True)

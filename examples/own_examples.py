"""From own examples: an adapter fitted to sixteen labelled rows, and how many it answers right that were left out.

python examples/own_examples.py
"""

from genlora import GenLora
from genlora.tasks import Example

cities = "Oslo Lisbon Prague Vienna Madrid Athens Dublin Warsaw Berlin Rome Paris London Lyon Turin Bern Riga".split()
examples = [Example(f"ship {n + 2} boxes to {city}", f"{city}/{n + 2}") for n, city in enumerate(cities)]

adapter = GenLora().generate("Write the place and the number of boxes as PLACE/NUMBER.", examples=examples)
told = adapter.receipt()["made_by"]
print(
    f"fitted from {told['chosen']}, left-out examples right: {told['fitted']['right']} of {told['fitted']['left_out']}"
)
print(adapter)  # with its expected accuracy
adapter.save("own-examples", force=True)

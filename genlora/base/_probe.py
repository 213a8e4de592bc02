"""Probes: what a model says at a thousand positions of fixed texts, and how far two models differ there.

One comparison catches every faulty merge known to us: the base with the adapter beside it against the merged model,
as a share of what the adapter itself changes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, LoraPair
from genlora.errors import ConfigError, MergeError

from ._prompt import prompt_ids

POSITIONS = 1000
"""Positions compared unless a caller says otherwise."""
_MAX_LENGTH = 256
_COLUMNS = 8192
"""Logits kept per position: a fixed random part of the vocabulary (the best token is taken over all of it)."""

Text = tuple[str, str]
"""An input and a reply to it."""

PROBE_TEXTS: tuple[Text, ...] = (
    ("Sort these words: river, apple, stone, cloud", "apple, cloud, river, stone"),
    ("What is the capital of Portugal, and on which river's mouth does it lie?",
     "Lisbon lies where the Tagus meets the Atlantic. Its harbour has been in use since Phoenician times."),
    ("Is this review positive or negative? The soup was cold and nobody came to take our order.",
     "Negative: the writer complains about the food and about the service."),
    ("Write a function that returns the larger of two numbers.",
     "def larger(a, b):\n    if a > b:\n        return a\n    return b\n"),
    ("Explain in two sentences why the sky is blue.",
     "Air scatters short waves of light far more than long ones. So blue light reaches our eyes from every side."),
    ("17 + 26 =", "43"),
    ("Translate into German: The train leaves at seven in the morning.", "Der Zug fährt um sieben Uhr morgens ab."),
    ("Turn into the past tense: She sings, dances and laughs.", "She sang, danced and laughed."),
    ("Which word does not belong: trumpet, violin, hammer, flute?", "hammer, since it is a tool and no instrument."),
    ("Summarise: After weeks of rain the farmers feared for the harvest, but a dry August saved most of the wheat.",
     "A dry August rescued a harvest that long rain had put at risk."),
    ("True or false: a spider has six legs.", "False. Spiders have eight legs; insects have six."),
    ("Give me the first letter of each word: quiet orange umbrella nest", "q o u n"),
    ("A farmer has 12 hens, each laying five eggs a week. How many eggs are there after three weeks?",
     "Twelve hens lay 12 x 5 = 60 eggs a week, so after three weeks there are 180 eggs."),
    ("Write one line of verse about winter.", "Snow hushes the road, and the lamps lean closer to listen."),
    ("Convert 2024-03-09 to the form day month year.", "9 March 2024"),
    ("What does the proverb 'a stitch in time saves nine' mean?",
     "Mending a small fault at once spares you a much larger repair later on."),
    ("List three animals that sleep through the winter.", "1. hedgehog\n2. dormouse\n3. bat"),
    ("Name the opposite of each: hot, early, generous", "cold, late, mean"),
    ("SELECT the names of all customers older than forty.", "SELECT name FROM customers WHERE age > 40;"),
    ("Does the second sentence follow? All roses are flowers. Some flowers fade quickly. So some roses fade quickly.",
     "No. The flowers that fade quickly need not be roses, so the conclusion does not follow."),
    ("Reply politely to a guest who asks for a later check-out.",
     "Thank you for asking. We would gladly keep your room until one o'clock, at no extra charge."),
    ("Count the vowels in 'elephant'.", "e, e, a: three"),
    ("Who is 'she' in: Anna thanked Maria because she had helped with the move?", "Maria: she had helped."),
    ("Describe a bicycle to someone who has never seen one.",
     "It is a frame with two wheels in line. You sit on it, push two pedals round with your feet, and steer in front."),
    ("Put a comma where it is needed: If it rains we stay at home.", "If it rains, we stay at home."),
    ("What comes next: 2, 6, 18, 54?", "162, because every number is three times the one before."),
    ('Return JSON with the keys "name" and "age" for Ada, 36.', '{"name": "Ada", "age": 36}'),
    ("Why did the ship turn back? The storm broke the mast, and the captain feared for the cargo.",
     "Because its mast was broken and its cargo was in danger."),
    ("Was ist die Hauptstadt von Österreich?", "Wien. Die Stadt liegt an der Donau."),
    ("Write the plural of: mouse, leaf, child, sheep", "mice, leaves, children, sheep"),
    ("Pick the odd title out: Hamlet, Macbeth, Emma, Othello", "Emma: it is a novel, the others are plays."),
    ("How do plants make their food?",
     "In sunlight their leaves turn water and carbon dioxide into sugar, and give off oxygen while they do it."),
    ("Replace every a by o: banana", "bonono"),
    ("Give a title for a story about a lighthouse keeper who learns to fly.", "The Lamp That Left the Rock"),
)  # fmt: skip

CALIBRATION_TEXTS: tuple[Text, ...] = (
    ("The committee met on Tuesday to talk about the budget.", "Nobody could agree, so they met again on Friday."),
    ("def add(a, b):\n    return a + b", "This function returns the sum of its two arguments, whatever their type."),
    ("List three fruits that grow in warm places.", "Mango, papaya and banana grow where there is no frost."),
    ("Translate to French: good morning, my friend", "bonjour, mon ami"),
    ("1, 2, 3, 5, 8, 13", "21, 34, 55, 89: each is the sum of the two before it."),
    ("Are cats reptiles?", "No, cats are mammals: they are warm-blooded and feed their young with milk."),
    ("Why do leaves turn red in autumn?", "The green pigment decays first, and the red that it hid begins to show."),
    ("chair lamp spoon ladder rope", "chair, ladder, lamp, rope, spoon"),
    ("Once upon a time there was a small town by the sea where everybody knew everybody else,",
     "except for one old man who had come with a circus forty years ago and had stayed when it moved on."),
    ("What is 17 plus 25? Show your work.", "17 + 25 = 17 + 20 + 5 = 37 + 5 = 42"),
    ("Name the capitals of Japan, Kenya and Peru.", "Tokyo, Nairobi and Lima"),
    ("Sentiment: the waiter was rude and the food came late.", "negative"),
    ("Which word does not belong: dog, cat, table, horse?", "table"),
    ("Reverse the letters of the word 'planet'.", "tenalp"),
    ('{"a": 1, "b": [2, 3]}', "An object with a number under a and a list of two numbers under b."),
    ("The industrial revolution changed how people lived and worked. Steam drove machines, and towns grew quickly.",
     "Machines and growing towns changed daily life and work."),
    ("True or false: 7 is a prime number.", "True"),
    ("Write an e-mail that moves a meeting from Monday to Thursday.",
     "Dear all, Monday does not suit everybody, so let us meet on Thursday at ten instead. Best wishes, Joan"),
    ("¿Dónde está la biblioteca?", "The library is beside the town hall, two streets from here."),
    ("SELECT name, age FROM people WHERE age > 30 ORDER BY age;", "Names and ages of everybody over thirty, in order."),
)  # fmt: skip


@dataclass(frozen=True)
class Probe:
    """What a model said: `values` (positions, columns) float32, `top1` (positions,) token ids; both on the CPU."""

    values: Tensor
    top1: Tensor


@dataclass(frozen=True)
class Drift:
    """How far a merged model lies from the base with the adapter beside it, over the same positions."""

    effect: float
    """Mean absolute change of a logit that the adapter causes."""
    drift: float
    """Mean absolute change of a logit that merging causes."""
    worst: float
    """Largest absolute change of a logit that merging causes."""
    agreement: float
    """Share of positions where both name the same best token."""
    positions: int

    @property
    def share(self) -> float:
        """Drift as a share of the adapter's own effect."""
        return self.drift / self.effect if self.effect else float("inf")

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"share": self.share}

    def check(self, max_drift: float, *, what: str) -> None:
        """Raise `MergeError` unless the share is within `max_drift`; NaN never is."""
        if not self.effect > 0:
            raise MergeError(
                f"{what}: the adapter changes no logit of this base on {self.positions} probe positions, so a merge "
                "cannot be verified. Expected a trained adapter made for this base; check the adapter."
            )
        if not self.share <= max_drift:
            raise MergeError(
                f"{what}: the merged model differs from base and adapter by {self.share:.1%} of the adapter's own "
                f"effect (best token equal at {self.agreement:.1%} of {self.positions} positions); at most "
                f"{max_drift:.1%} is accepted. Nothing was written. Keep the adapter beside the base, choose a finer "
                "--quantize, or accept more with --max-drift."
            )


def _sequence(tokenizer: Any, text: Text) -> list[int]:
    asked, reply = text
    if getattr(tokenizer, "chat_template", None):
        head = prompt_ids(tokenizer, asked)
    else:
        head = tokenizer(f"{asked}\n", add_special_tokens=False)["input_ids"]
    return (head + tokenizer(reply, add_special_tokens=False)["input_ids"])[:_MAX_LENGTH]


def _common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    columns = zip(*sequences, strict=False)
    return next((i for i, column in enumerate(columns) if len(set(column)) > 1), min(map(len, sequences)))


@dataclass(frozen=True)
class ProbeSet:
    """Token sequences, and how many leading positions all of them share (a template's system turn counts once)."""

    sequences: tuple[tuple[int, ...], ...]
    skip: int

    @property
    def positions(self) -> int:
        return sum(len(s) - self.skip for s in self.sequences)


def probe_set(tokenizer: Any, texts: Sequence[Text] = PROBE_TEXTS, *, positions: int = POSITIONS) -> ProbeSet:
    """Chat prompts with their replies, as many as it takes for `positions` distinct positions, or all there are."""
    if not texts or positions < 1:
        raise ConfigError("a probe needs at least one text and one position; give some inputs.")
    sequences = list(dict.fromkeys(tuple(_sequence(tokenizer, t)) for t in texts))  # twins would share every position
    skip = _common_prefix(sequences) if len(sequences) > 1 else 0
    chosen: list[tuple[int, ...]] = []
    left = positions
    for sequence in sequences:
        if left <= 0:
            break
        fresh = sequence[: skip + left]
        if len(fresh) > skip:
            chosen.append(fresh)
            left -= len(fresh) - skip
    return ProbeSet(tuple(chosen), skip)


@torch.inference_mode()
def run_probe(model: nn.Module, probes: ProbeSet) -> Probe:
    """Teacher-forced logits of `model` at every position of the set."""
    device = next(model.parameters()).device
    values, top1, columns = [], [], None
    for sequence in probes.sequences:
        out: Any = model(input_ids=torch.tensor([sequence], device=device), use_cache=False)
        logits = out.logits[0, probes.skip :].float()
        if columns is None:
            order = torch.randperm(logits.shape[-1], generator=torch.Generator().manual_seed(0))
            columns = order[:_COLUMNS].sort().values.to(device)
        values.append(logits[:, columns].cpu())
        top1.append(logits.argmax(-1).cpu())
    return Probe(torch.cat(values), torch.cat(top1))


def compare(base: Probe, reference: Probe, merged: Probe) -> Drift:
    """`merged` against `reference` (base with adapter), as a share of what the adapter does to `base`."""
    change = (merged.values - reference.values).abs()
    return Drift(
        effect=float((reference.values - base.values).abs().mean()),
        drift=float(change.mean()),
        worst=float(change.max()),
        agreement=float((merged.top1 == reference.top1).double().mean()),
        positions=len(reference.top1),
    )


def linear_at(model: nn.Module, path: str) -> nn.Module:
    """The module at `path`, also where transformers nests the decoder deeper than the weights' names do."""
    try:
        return model.get_submodule(path)
    except AttributeError:
        tail = path[path.find("layers.") :]
        found = [m for name, m in model.named_modules() if name.endswith(f".{tail}") and "vision" not in name]
        if "layers." not in path or len(found) != 1:
            raise MergeError(
                f"the base has no module {path!r}. Expected an adapter for this base's layout; check both."
            ) from None
        return found[0]


@contextmanager
def attached(model: nn.Module, state: Mapping[str, LoraPair]) -> Iterator[None]:
    """The adapter beside the base: y = W x + scale · B A x in float32, whatever W is stored as."""
    handles = []

    def hook_for(pair: LoraPair, device: torch.device) -> Any:
        a, b = pair.a.float().to(device), (pair.b.float() * pair.scale).to(device)

        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return output + ((inputs[0].float() @ a.mT) @ b.mT).to(output.dtype)

        return hook

    try:
        for path, pair in state.items():
            module = linear_at(model, path)
            device = next(module.parameters()).device
            handles.append(module.register_forward_hook(hook_for(pair, device)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def input_group(path: str) -> str:
    """Modules of one group are fed the same tensor: q, k and v; gate and up."""
    parent, _, leaf = path.rpartition(".")
    shared = {"q_proj": "qkv", "k_proj": "qkv", "v_proj": "qkv", "gate_proj": "gate_up", "up_proj": "gate_up"}
    return f"{parent}.{shared.get(leaf, leaf)}"


@torch.inference_mode()
def input_grams(model: nn.Module, state: AdapterState, probes: ProbeSet, *, max_width: int = 8192) -> dict[str, Tensor]:
    """Σ x xᵀ over calibration inputs x of each adapted module: {input group: (d_in, d_in)} float32.

    Run it with the adapter attached. Modules wider than `max_width` are left out (their Gram matrix would be large).
    """
    grams: dict[str, Tensor] = {}
    handles = []

    def hook_for(group: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
            x = inputs[0].reshape(-1, inputs[0].shape[-1]).float()
            grams[group] = grams[group].addmm_(x.mT, x) if group in grams else x.mT @ x

        return hook

    groups: set[str] = set()
    try:
        for path, pair in state.items():
            if (group := input_group(path)) not in groups and pair.d_in <= max_width:
                groups.add(group)
                handles.append(linear_at(model, path).register_forward_hook(hook_for(group)))
        run_probe(model, probes)
    finally:
        for handle in handles:
            handle.remove()
    return grams

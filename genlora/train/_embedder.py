"""A LoRA on the task embedder, so that it reads for meaning: paraphrases together, minimal pairs apart.

Each step draws tasks in clusters that differ in one slot (same operation with other parameters, another operation on
the same inputs, another answer form; catalogue tasks of one family, with one word exchanged for its opposite, and with
what people ask for that only looks like them), and two wordings of each. The loss is InfoNCE (van den Oord et al. 2018)
over all of them, both ways:

    -log exp(⟨u, v⟩/τ) / Σ over all wordings of other tasks w of exp(⟨u, w⟩/τ), v the other wording of u's task
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import LoraLinear, swapped
from genlora.errors import ConfigError, TrainingError
from genlora.tasks import Draw, Task, training_texts, wordings
from genlora.tasks.stream import GROUP, spec

from .loop._lightning import Step

_TOGETHER = 16
LEAVES = ("query", "key", "value", "dense")
_OPPOSITES = (
    "first/last",
    "first/second",
    "start/end",
    "begins/ends",
    "begin/end",
    "beginning/end",
    "front/back",
    "largest/smallest",
    "biggest/smallest",
    "larger/smaller",
    "longest/shortest",
    "longer/shorter",
    "higher/lower",
    "highest/lowest",
    "most/fewest",
    "more/less",
    "plural/singular",
    "capital city/currency",
    "capital/currency",
    "capital/continent",
    "add/subtract",
    "sum/difference",
    "sum/product",
    "positive/negative",
    "before/after",
    "previous/next",
    "earlier/later",
    "upper/lower",
    "capital letters/small letters",
    "keep/remove",
    "even/odd",
    "past/future",
    "past/present",
    "present/past",
    "increase/decrease",
    "double/halve",
    "ascending/descending",
    "opposite/synonym",
    "antonym/synonym",
    "vowels/consonants",
    "vowel/consonant",
    "yes/no",
    "true/false",
    "sender/receiver",
    "buyer/seller",
    "month/day",
    "month/year",
    "hour/minute",
    "weekday/month",
    "minimum/maximum",
    "French/German",
    "French/Spanish",
    "German/Italian",
    "left/right",
    "without/with",
    "adjective/verb",
    "verb/noun",
    "animal/tool",
    "object/animal",
    "alphabetical/reverse alphabetical",
    "surname/first name",
    "city/country",
    "country/city",
    "country/language",
    "masculine/feminine",
    "domain/user name",
    "start/length",
    "middle/last",
)


@dataclass(frozen=True, kw_only=True)
class EmbedderConfig:
    """Everything that decides a run."""

    rank: int = 16
    scale: float = 2.0
    lr: float = 5e-4
    warmup: int = 20
    steps: int = 600
    clusters: int = 8
    """Groups of near tasks a step; each brings two to four tasks with two wordings each."""
    catalogue: float = 0.25
    """Share of the clusters that come from the catalogue's training tasks."""
    temperature: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rank", "steps", "clusters"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1. Correct the setting.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def opposite(text: str, draw: Draw) -> str | None:
    """`text` with one word exchanged for its counterpart; None where no known word is in it."""
    found = []
    for pair in _OPPOSITES:
        for one, other in (pair.split("/"), reversed(pair.split("/"))):
            if re.search(rf"\b{re.escape(one)}\b", text):
                found.append((one, other))
    if not found:
        return None
    one, other = draw.pick(found)
    return re.sub(rf"\b{re.escape(one)}\b", other, text)


class DescriptionPairs:
    """Clusters of near tasks by number: [(wording, other wording of the same task)]."""

    def __init__(self, tasks: Sequence[Task], config: EmbedderConfig) -> None:
        known = wordings()
        self.apart = {t.name: known[t.name].training.different for t in tasks if t.name in known}
        """Of a task: requests that only look like it."""
        self.said = {t.name: training_texts(t) for t in tasks}
        self.tasks = [t for t in tasks if len(self.said[t.name]) >= 2]
        self.config = config

    def step(self, number: int) -> list[tuple[str, str]]:
        """The pairs of a step, no two of the same task."""
        c = self.config
        out: dict[str, tuple[str, str]] = {}
        for i in range(number * c.clusters, (number + 1) * c.clusters):
            draw = Draw(f"genlora embedder {c.seed} {i}")
            cluster = self._catalogue(draw) if self.tasks and draw.chance(c.catalogue) else self._stream(draw, i)
            for key, pair in cluster:
                out.setdefault(key, pair)
        return list(out.values())

    def _stream(self, draw: Draw, number: int) -> list[tuple[str, tuple[str, str]]]:
        first = 2 * (number % 2)
        found = []
        for place in (first, first + 1):
            base = spec(self.config.seed, GROUP * (number // 2) + place)
            found += [base, *base.siblings(draw)]
        return [
            (f.meaning, (f.description(draw.between(0, 1 << 30)), f.description(draw.between(0, 1 << 30))))
            for f in found
        ]

    def _catalogue(self, draw: Draw) -> list[tuple[str, tuple[str, str]]]:
        task = draw.pick(self.tasks)
        one, two = draw.some(self.said[task.name], 2)
        out = [(task.name, (one, two))]
        apart = self.apart.get(task.name, ())
        out += [(f"{task.name} apart {text}", (text, text)) for text in draw.some(apart, min(2, len(apart)))]
        family = [t for t in self.tasks if t.family == task.family and t.name != task.name]
        for other in draw.some(family, min(2, len(family))):
            a, b = draw.some(self.said[other.name], 2)
            out.append((other.name, (a, b)))
        turned = opposite(one, draw)
        again = opposite(two, draw)
        if turned is not None:
            # Both wordings turned need not mean the same; the turned one alone is a negative of the other two.
            out.append((f"{task.name} turned {turned}", (turned, turned)))
        if again is not None:
            out.append((f"{task.name} turned {again}", (again, again)))
        return out


class EmbedderFit(nn.Module):
    """LoRA factors of every linear layer of a sentence-transformers encoder; `start` are those of an earlier run."""

    def __init__(
        self,
        encoder: Any,
        pairs: DescriptionPairs,
        config: EmbedderConfig,
        held: Sequence[tuple[str, str, str]] = (),
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        object.__setattr__(self, "encoder", encoder.requires_grad_(False))
        self.pairs = pairs
        self.config = config
        self.held = held
        rng = torch.Generator().manual_seed(config.seed)
        self.a, self.b = nn.ParameterDict(), nn.ParameterDict()
        for path, module in encoder.named_modules():
            if isinstance(module, nn.Linear) and path.rpartition(".")[2] in LEAVES:
                key = path.replace(".", "/")
                bound = module.in_features**-0.5
                self.a[key] = nn.Parameter((torch.rand(config.rank, module.in_features, generator=rng) * 2 - 1) * bound)
                self.b[key] = nn.Parameter(torch.zeros(module.out_features, config.rank))
                if start is not None:
                    self.a[key] = nn.Parameter(start[f"{path}.lora_A"].float())
                    self.b[key] = nn.Parameter(start[f"{path}.lora_B"].float() / config.scale)
        if not self.a:
            raise TrainingError("the embedder has no linear layers called query, key, value or dense. Choose a BERT.")
        self._attached = ExitStack()
        self._attached.enter_context(swapped(encoder, [key.replace("/", ".") for key in self.a], self._beside))

    encoder: Any

    def _beside(self, path: str, linear: nn.Module) -> LoraLinear:
        key = path.replace(".", "/")
        return LoraLinear(linear, self.a[key], self.b[key], self.config.scale)

    def detach(self) -> None:
        """Leave the encoder as it was."""
        self._attached.close()

    def optimizers(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """AdamW; the rate rises over `warmup` steps and then falls linearly to a tenth."""
        c = self.config
        optimiser = torch.optim.AdamW(self.parameters(), lr=c.lr, weight_decay=0.01)

        def factor(step: int) -> float:
            return min((step + 1) / c.warmup, 1 - 0.9 * min(1.0, step / max(1, steps)))

        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, factor)

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Unit rows, (n, dim); texts of like length go through the encoder together, so that little is padding."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        rows = [
            self.encoder(self.encoder.preprocess([texts[i] for i in order[at : at + _TOGETHER]]))["sentence_embedding"]
            for at in range(0, len(texts), _TOGETHER)
        ]
        back = torch.tensor(order).argsort()
        return nn.functional.normalize(torch.cat(rows)[back], dim=-1)

    def losses(self, step: Step) -> dict[str, Tensor]:
        """InfoNCE over the wordings of one step."""
        pairs = self.pairs.step(step.index * step.world + step.rank)
        n = len(pairs)
        texts = [a for a, _ in pairs] + [b for _, b in pairs]
        place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        u = self.vectors(list(place))[[place[text] for text in texts]]
        scores = u @ u.T / self.config.temperature
        scores = scores.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
        other = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
        # A text that stands on both sides is only a negative of the others; it teaches nothing about itself.
        real = torch.tensor([a != b for a, b in pairs] * 2)
        loss = nn.functional.cross_entropy(scores[real], other[real])
        right = (scores.argmax(-1) == other)[real].float().mean()
        return {"loss": loss, "right": right}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Share of held triples (text, paraphrase, minimal pair) in which the paraphrase is nearer."""
        if not self.held:
            return {}
        u, p, m = (torch.cat([self.vectors(part) for part in _chunks([t[i] for t in self.held])]) for i in range(3))
        return {"nearer": float(((u * p).sum(-1) > (u * m).sum(-1)).float().mean())}

    def tensors(self) -> dict[str, Tensor]:
        """{module path.lora_A (r, d_in), .lora_B (d_out, r)}, the scale folded into B."""
        out = {}
        for key in self.a:
            path = key.replace("/", ".")
            out[f"{path}.lora_A"] = self.a[key].detach().clone()
            out[f"{path}.lora_B"] = self.config.scale * self.b[key].detach()
        return out


def held_triples(n: int, *, seed: int = 1) -> list[tuple[str, str, str]]:
    """(wording, other wording, wording of a task that differs in one slot), of held-out specs."""
    out = []
    for i in range(4 * n):
        draw = Draw(f"genlora embedder held {seed} {i}")
        found = spec(seed, GROUP * (i // 4) + 4 + i % 4, split="far" if i % 2 else "near")
        others = found.siblings(draw)
        said = list(dict.fromkeys(found.description(k) for k in range(6)))
        if others and len(said) > 1:
            out.append((said[0], said[1], draw.pick(others).description(9)))
        if len(out) == n:
            break
    return out


def _chunks(texts: Sequence[str], size: int = 64) -> list[Sequence[str]]:
    return [texts[i : i + size] for i in range(0, len(texts), size)]


def load_encoder(path: Path) -> Any:
    """The sentence-transformers model of a local folder, on the CPU."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        str(path), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
    ).eval()

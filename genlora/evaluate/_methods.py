"""What is compared: every way of answering a task, and on which descriptions and seeds each is asked."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genlora.errors import ConfigError
from genlora.tasks import Task, catalogue

Prompt = Literal["bare", "described", "shots", "bundle"]
Kind = Literal["base", "generator", "nearest", "average", "random", "noise", "hindsight", "arrow", "own"]

SHOTS = 3
PARAPHRASES = 3
SEEDS = 3


@dataclass(frozen=True)
class Method:
    """One row of the report."""

    name: str
    """Safe as a folder name."""
    title: str
    kind: Kind
    """Where its adapter comes from."""
    prompt: Prompt = "bare"
    generator: str = ""
    """Name of the generator, for kind 'generator'."""
    draws: bool = False
    """Whether a seed changes its adapter."""
    controls: bool = False
    """Whether it is also asked with descriptions that say nothing about the task."""
    about: str = ""

    @property
    def reads_description(self) -> bool:
        """Whether its answers depend on the description."""
        return self.prompt == "described" or (
            self.kind in ("generator", "nearest") and self.generator not in _UNCONDITIONAL
        )


_UNCONDITIONAL = {"fewshot", "multitask", "multitask-described"}

_ALL = (
    Method("base-bare", "base", "base", about="The base with the input alone."),
    Method("base-described", "base, described", "base", "described", about="Description, newline, input."),
    Method(
        "base-shots",
        f"base + {SHOTS} shots",
        "base",
        "shots",
        about=(f"{SHOTS} training examples before the input, each as a turn of the user and one of the model."),
    ),
    Method(
        "random-weights",
        "random weights",
        "noise",
        about=("Gaussian factors of the bank's rank, each module as long (Frobenius) as the mean expert's."),
    ),
    Method("random-expert", "random expert", "random", draws=True, about="An expert of the bank chosen by a seed."),
    Method("nearest-expert", "nearest expert", "nearest", about="The bank's expert whose descriptions are nearest."),
    Method(
        "best-expert",
        "best single expert, by hindsight",
        "hindsight",
        about=(
            "Of the 50 experts nearest to the first description, the one that fits the first 30 test examples best "
            "(rated by forcing the right answers): an upper bound of retrieval that looks at the answers."
        ),
    ),
    Method("average", "plain average", "average", about="The mean of all experts' updates, cut to the bank's rank."),
    Method(
        "aggregate",
        "weighted top-K",
        "generator",
        generator="aggregate",
        about=("The 4 nearest experts, softmax weights at temperature 0.1, products summed, cut to the bank's rank."),
    ),
    Method(
        "arrow",
        "Arrow",
        "arrow",
        about=(
            "All experts of the bank at once, routed token by token and layer by layer as in PEFT's ArrowConfig: "
            "|x . v| with v the top right singular vector of an expert's update, softmax over the 3 largest "
            "(arXiv 2405.11157)."
        ),
    ),
    Method("multitask", "multi-task", "generator", generator="multitask", about="One adapter for all training tasks."),
    Method(
        "multitask-described",
        "multi-task, described",
        "generator",
        "described",
        generator="multitask-described",
        about="The same, trained and asked with the description in the prompt: the baseline that counts.",
    ),
    Method("fewshot-described", "few-shot adapter, described", "generator", "described", generator="fewshot"),
    Method("fewshot-shots", f"few-shot adapter + {SHOTS} shots", "generator", "shots", generator="fewshot"),
    Method("hypernet", "hypernet", "generator", generator="hypernet", controls=True),
    Method("hypernet-described", "hypernet, described", "generator", "described", generator="hypernet"),
    Method("cvae", "cvae", "generator", generator="cvae", draws=True),
    Method("cvae-described", "cvae, described", "generator", "described", generator="cvae", draws=True),
    Method("sg-lora", "SG-LoRA", "generator", generator="sg-lora", draws=True),
    Method("auto", "auto", "generator", generator="auto", controls=True, about="What genlora generate does."),
    Method(
        "auto-described",
        "auto, described",
        "generator",
        "described",
        generator="auto",
        about=("What genlora generate --prompt described does, asked with the description in the prompt."),
    ),
    Method(
        "auto-bundle",
        "auto, bundle",
        "generator",
        "bundle",
        generator="auto",
        about=(
            "What genlora run makes of what genlora generate writes: asked as prompt.json says, held to its answer "
            "form."
        ),
    ),
    Method("own", "own expert", "own", about="An expert trained on the task itself: the ceiling."),
)

METHODS: dict[str, Method] = {m.name: m for m in _ALL}
NEEDED = ("base-bare", "own")
"""Always run: they decide which tasks count, and gap closure is measured between them."""


def choose_methods(names: Sequence[str] | None) -> list[Method]:
    """Methods by name, in the report's order, the needed ones included; all when None. Raises `ConfigError`."""
    if names is None:
        return list(METHODS.values())
    for name in names:
        if name not in METHODS:
            raise ConfigError(f"no method {name[:60]!r}; choose from {', '.join(METHODS)}.")
    return [m for m in METHODS.values() if m.name in {*names, *NEEDED}]


@dataclass(frozen=True)
class Variant:
    """One description and one seed a method is asked with."""

    name: str
    """'one' where neither matters; d0 d1 d2 paraphrases; s1 s2 further seeds at d0; mismatched, random, empty."""
    description: str | None = None
    """What the adapter is made from and, in described prompts, what the prompt says."""
    seed: int = 0


CONTROLS = ("mismatched", "random", "empty")
MATCHED = ("one", "d0", "d1", "d2")


def paraphrases(task: Task) -> tuple[str, ...]:
    """The descriptions a task is evaluated with: the two held-out ones, then the first of the others.

    No description of a validation or test task was ever trained on, because none of their examples were.
    """
    held = task.unseen_descriptions
    rest = [d for d in task.descriptions if d not in held]
    return (*held, *rest)[:PARAPHRASES]


def variants(method: Method, task: Task) -> list[Variant]:
    """Every way `method` is asked about `task`: paraphrases and seeds each on their own, then the controls."""
    if not method.reads_description:
        return [Variant("one")] + [Variant(f"s{s}", seed=s) for s in range(1, SEEDS) if method.draws]
    told = paraphrases(task)
    out = [Variant(f"d{i}", d) for i, d in enumerate(told)]
    if method.draws:
        out += [Variant(f"s{s}", told[0], s) for s in range(1, SEEDS)]
    if method.controls:
        out += [
            Variant("mismatched", mismatched(task)),
            Variant("random", random_string(task.name)),
            Variant("empty", ""),
        ]
    return out


def mismatched(task: Task) -> str:
    """The first held-out description of another task: of another family and parent, not in the bank, chosen by hash."""
    others = [e for e in catalogue().values() if e.role != "bank"]
    fit = [e for e in others if e.family != task.family and e.parent != task.parent and e.name != task.name]
    chosen = min(fit, key=lambda e: hashlib.sha256(f"{task.name}\0{e.name}".encode()).digest())
    return chosen.descriptions[-2]


def random_string(name: str) -> str:
    """Letters without a meaning, the same for the same task."""
    rng = random.Random(hashlib.sha256(name.encode()).digest())
    words = ("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 9))) for _ in range(8))
    return " ".join(words)

"""The demo's named endpoints, for `gradio_client`, curl and MCP clients. Docstrings become the tools' descriptions."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args, get_type_hints

import gradio as gr
from gradio.events import api

from genlora.api import KeptAdapter, small_receipt
from genlora.bank import expert_card
from genlora.errors import ConfigError, GenloraError

from ._asking import Exchange
from ._browse import MAX_WORDS_CHARS, matching
from ._create import HEAVY
from ._examples import parse_examples
from ._reports import score_json
from ._studio import Studio
from ._words import accuracy_helps, accuracy_words, chosen, generator_words, page_words

MAX_LISTED = 200


class Endpoints:
    """One method per endpoint. Errors of ours reach the client with their text."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def generate(self, description: str = "", examples: str = "", seed: int = 0) -> dict[str, Any]:
        """Make a LoRA adapter for a task, from a description or from a few examples, in well under a second.

        Args:
            description: What the model should do, one to three English sentences, e.g. "Write the plural of the noun."
            examples: Instead of a description: worked examples, one a line, as "input => output".
            seed: For generators that draw at random; the same request and seed give the same adapter.

        Returns:
            The adapter's id (needed by all other tools), how well the bank covers the task (0 to 1, and in words), the
            nearest experts, which generator made it and why, and warnings.
        """
        found = parse_examples(examples) if examples.strip() and not description.strip() else ()
        return summary(self._studio.create(description, found, seed=int(seed)))

    async def chat(self, adapter: str, message: str, tell_base: bool = True, max_tokens: int = 64) -> dict[str, Any]:
        """Ask the base model and the adapted model the same thing and compare their answers.

        Args:
            adapter: The id that generate returned.
            message: One input for the task, e.g. "wolf". Each message is asked by itself; there is no history.
            tell_base: Whether the base gets the task's description before the message, which is fair to it.
            max_tokens: Longest answer, 1 to 256 tokens.

        Returns:
            The answers under "base" and "adapted", and what the base was told.
        """
        last = Exchange(message)
        tokens = max(1, min(256, int(max_tokens)))
        made = self._studio.get(adapter)
        async for step in self._studio.talk(made, message, tell_base=bool(tell_base), max_tokens=tokens):
            last = step
        return {"message": last.message, "base": last.base, "adapted": last.adapted, "base_was_told": last.told}

    def evaluate(self, adapter: str, examples: str) -> dict[str, Any]:
        """Score the base and the adapted model on worked examples. Nothing is trained on them.

        Args:
            adapter: The id that generate returned.
            examples: Two to 200 worked examples, one a line, as "input => output" or as JSON objects.

        Returns:
            Shares answered right by the base, the base that is told the task, and the adapter; a verdict with a
            95 % interval; and the wrong answers.
        """
        return score_json(self._studio.score(self._studio.get(adapter), parse_examples(examples, least=2)))

    def merge(
        self,
        adapter: str,
        quantization: Literal[
            "none", "float32", "int8", "int4", "nf4", "gguf-f16", "gguf-q8_0", "gguf-q4_1", "gguf-q4_0"
        ] = "gguf-q8_0",
    ) -> dict[str, Any]:
        """Merge an adapter into a quantised copy of its base and measure what rounding cost. Takes about a minute.

        Args:
            adapter: The id that generate returned.
            quantization: How the merged model is stored.

        Returns:
            The drift as a share of the adapter's own effect, the share of best tokens unchanged, and the size in
            bytes. The file itself is downloaded from the page.
        """
        found = self._studio.merge(self._studio.get(adapter), quantization)
        drift = found.report.reloaded
        return {
            "quantization": found.report.backend,
            "drift": drift.share,
            "agreement": drift.agreement,
            "positions": drift.positions,
            "bytes": found.file.stat().st_size,
        }

    def experts(self, words: str = "") -> list[dict[str, Any]]:
        """List the experts of the bank: trained adapters that new ones are made from.

        Args:
            words: Only experts whose name, family or description holds these words; all when empty.

        Returns:
            Name, family, description, and held-out scores of the base and of the expert (0 to 1), at most 200.
        """
        return [
            {
                "name": r.name,
                "family": r.family,
                "description": r.description,
                "base": None if r.gain is None else r.gain["base"],
                "expert": None if r.gain is None else r.gain["own"],
            }
            for r in matching(self._studio.experts, words[:MAX_WORDS_CHARS])[:MAX_LISTED]
        ]

    def expert(self, name: str) -> dict[str, Any]:
        """Show the card of one expert: descriptions, gain, samples, licence, provenance and size by layer.

        Args:
            name: An expert's name, as experts lists it.

        Returns:
            The card.
        """
        return expert_card(self._studio.lora.bank, name)

    def receipt(self, adapter: str) -> dict[str, Any]:
        """Show the receipt of an adapter made here: everything that made it, with digests, so that it can be verified.

        Args:
            adapter: The id that generate returned.

        Returns:
            The receipt, without the base's whole identity; the downloaded folder has that too.
        """
        return small_receipt(self._studio.get(adapter).receipt)

    def download(self, adapter: str, form: Literal["peft", "gguf"] = "peft") -> dict[str, Any]:
        """Download an adapter made here.

        Args:
            adapter: The id that generate returned.
            form: "peft" for a zip of the PEFT folder with its receipt, "gguf" for llama.cpp and Ollama.

        Returns:
            The file.
        """
        files = self._studio.downloads(self._studio.get(adapter))
        if form == "gguf" and files.gguf is None:
            raise GenloraError("llama.cpp does not know this base's architecture, so there is no GGUF. Take form peft.")
        path = str(files.gguf if form == "gguf" else files.peft)
        # Gradio's own form for a file: clients fetch it from the address; the firewall allows our folder only.
        meta = {"_type": "gradio.FileData"}
        return {"path": path, "url": f"/gradio_api/file={path}", "orig_name": path.rpartition("/")[2], "meta": meta}


def summary(made: KeptAdapter) -> dict[str, Any]:
    """What `generate` answers."""
    return {
        "adapter": made.id,
        "description": made.generated.description,
        "expected_accuracy": made.receipt["expected_accuracy"],
        "meaning": accuracy_words(made),
        "what_would_help": accuracy_helps(made),
        "generator": {"chosen": chosen(made), "why": generator_words(made)},
        "neighbours": [
            {"name": n.name, "similarity": n.similarity, "weight": n.weight} for n in made.generated.neighbours
        ],
        "warnings": list(made.warnings),
    }


CONCURRENT = ("chat", "experts", "expert", "receipt")
"""Endpoints that may run beside others: the engine batches answers, the rest only reads."""


def publish(studio: Studio) -> None:
    """Add the endpoints to the app that is being built."""
    found = Endpoints(studio)
    for name in ("generate", "chat", "evaluate", "merge", "download", "receipt", "experts", "expert"):
        beside = name in CONCURRENT
        api(
            plainly(getattr(found, name)),
            api_name=name,
            concurrency_limit=4 if beside else 1,
            concurrency_id=None if beside else HEAVY,
        )


def plainly(method: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint with arguments checked, and errors of ours as Gradio's, which carry their text to the client."""
    hints = get_type_hints(method)

    def checked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = inspect.signature(method).bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            _check(name, value, hints[name])
        return bound.arguments

    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def later(*args: Any, **kwargs: Any) -> Any:
            try:
                return await method(**checked(args, kwargs))
            except GenloraError as err:
                raise gr.Error(page_words(str(err)), print_exception=False) from err

        return later

    @functools.wraps(method)
    def now(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(**checked(args, kwargs))
        except GenloraError as err:
            raise gr.Error(page_words(str(err)), print_exception=False) from err

    return now


def _check(name: str, value: Any, hint: Any) -> None:
    choices = get_args(hint)
    if choices:
        if value not in choices:
            raise ConfigError(f"{name} is {str(value)[:40]!r}, expected one of {', '.join(map(str, choices))}.")
    elif not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        kinds = {str: "text", int: "a whole number", bool: "true or false"}
        raise ConfigError(f"{name} is of type {type(value).__name__}, expected {kinds.get(hint, hint.__name__)}.")

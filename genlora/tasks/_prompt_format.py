"""What an adapter is to be asked with: description, examples, stop, longest answer and answer form; `prompt.json`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from genlora.errors import ManifestError
from genlora.files import canonical_json, parse_json

from ._prompt import chat_messages, prompt_ids, with_turns
from .forms import AnswerForm, answer_form

PROMPT_FILE = "prompt.json"
VERSION = 1
MAX_SHOTS, MAX_SHOT_CHARS = 8, 4_000
MAX_DESCRIPTION_CHARS = 4_000
LONGEST_ANSWER = 64
"""Tokens, where the examples show no longer answers."""
_MAX_TOKENS, _MAX_STOPS, _MAX_STOP_CHARS = 4_096, 4, 64
_MAX_BYTES = 1 << 18


@dataclass(frozen=True)
class PromptFormat:
    """How an adapter wants to be asked. Without description, examples and form it is bare: the input alone.

    Raises `ManifestError` for values out of bounds.
    """

    description: str | None = None
    examples: tuple[tuple[str, str], ...] = ()
    """(input, answer) pairs that stand as earlier turns."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer, beside the base's own end of turn."""
    max_tokens: int = LONGEST_ANSWER
    """The longest answer, in tokens."""
    answer_form: AnswerForm | None = None

    def __post_init__(self) -> None:
        texts = [("description", self.description or "", MAX_DESCRIPTION_CHARS)]
        texts += [("an example", part, MAX_SHOT_CHARS) for pair in self.examples for part in pair]
        texts += [("a stop text", text, _MAX_STOP_CHARS) for text in self.stop]
        for what, text, most in texts:
            if len(text) > most or "\0" in text:
                raise ManifestError(
                    f"{PROMPT_FILE}: {what} has {len(text):,} characters or holds a NUL; expected plain text of at "
                    f"most {most:,}. Shorten it."
                )
        if (
            self.description == ""
            or "" in self.stop
            or any(not part.strip() for pair in self.examples for part in pair)
        ):
            raise ManifestError(f"{PROMPT_FILE}: a description, example or stop text is empty. Leave it out.")
        if len(self.examples) > MAX_SHOTS or len(self.stop) > _MAX_STOPS:
            raise ManifestError(
                f"{PROMPT_FILE}: {len(self.examples)} examples and {len(self.stop)} stop texts, expected at most "
                f"{MAX_SHOTS} and {_MAX_STOPS}."
            )
        if not 1 <= self.max_tokens <= _MAX_TOKENS:
            raise ManifestError(f"{PROMPT_FILE}: max_tokens {self.max_tokens}, expected 1 to {_MAX_TOKENS:,}.")

    @classmethod
    def of(cls, description: str | None, examples: Sequence[tuple[str, str]] = (), *, described: bool = True) -> Self:
        """The format for a request: its form is read from the description and held against the examples.

        Without `described` the description only tells the form, and is not part of the prompt.
        """
        answers = [answer for _, answer in examples]
        longest = max((len(a) for a in answers), default=0)  # a token is a character at least
        return cls(
            description=description if described else None,
            examples=tuple(examples),
            max_tokens=min(max(LONGEST_ANSWER, 2 * longest), _MAX_TOKENS),
            answer_form=answer_form(description, answers),
        )

    @property
    def is_bare(self) -> bool:
        """Whether the prompt is the input alone."""
        return self.description is None and not self.examples

    @property
    def asked(self) -> str:
        """What stands before the input, in a few words."""
        parts = ["the description"] if self.description is not None else []
        parts += [f"{len(self.examples)} example{'s' if len(self.examples) > 1 else ''}"] if self.examples else []
        return f"asked with {' and '.join(parts)} before the input" if parts else "asked with the input alone"

    def summary(self) -> str:
        """What stands before the input, and what answers are held to."""
        held = "" if self.answer_form is None else f"; answers are held to {self.answer_form.summary()}"
        return f"{self.asked}{held}"

    def messages(self, input: str) -> list[dict[str, str]]:
        """The conversation that asks for the answer to `input`, for `apply_chat_template` or any chat server."""
        return chat_messages(input, self.description, self.examples)

    def before(self, conversation: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        """`conversation` as it goes on from the description and the examples; as it is where it does not begin with a
        turn of the user: then somebody has set the scene already.
        """
        if not conversation or conversation[0]["role"] != "user":
            return list(conversation)
        return with_turns(conversation, self.description, self.examples)

    def prompt_ids(self, tokenizer: Any, input: str) -> list[int]:
        """The token ids of the prompt for `input`. Raises `BaseError` if the tokenizer has no chat template."""
        return prompt_ids(tokenizer, input, self.description, shots=self.examples)

    def to_json(self) -> dict[str, Any]:
        """The content of `prompt.json`. The form's regular expression stands there for other programs to use."""
        form = self.answer_form
        return {
            "version": VERSION,
            "description": self.description,
            "examples": [{"input": asked, "output": answer} for asked, answer in self.examples],
            "stop": list(self.stop),
            "max_tokens": self.max_tokens,
            "answer_form": None if form is None else {**form.to_json(), "regex": form.regex},
        }

    def to_bytes(self) -> bytes:
        """`prompt.json`: the same format gives the same bytes."""
        return canonical_json(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str = PROMPT_FILE) -> Self:
        """What `to_bytes` wrote. Raises `ManifestError` that names `where`."""
        try:
            return cls.from_json(parse_json(data, where=where, max_bytes=_MAX_BYTES))
        except ManifestError as err:
            said = str(err)
            raise ManifestError(said if where in said else f"{where}: {said.removeprefix(f'{PROMPT_FILE}: ')}") from err

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """What `to_json` gave. Raises `ManifestError`."""
        if not isinstance(data, dict):
            raise ManifestError(f"{PROMPT_FILE}: {type(data).__name__}, expected an object.")
        version = data.get("version")
        if version != VERSION or isinstance(version, bool):
            raise ManifestError(
                f"{PROMPT_FILE}: version {str(version)[:20]}, expected {VERSION}. A newer genlora may have made it: "
                "update genlora, or ask with the input alone."
            )
        expected = {"version", "description", "examples", "stop", "max_tokens", "answer_form"}
        if data.keys() != expected:
            odd = sorted(data.keys() ^ expected)
            raise ManifestError(f"{PROMPT_FILE}: key {odd[0][:40]!r} is missing or not known.")
        description, stop, form = data["description"], data["stop"], data["answer_form"]
        if not isinstance(description, str | None):
            raise ManifestError(f"{PROMPT_FILE}: `description` is neither text nor null.")
        if not isinstance(stop, list) or not all(isinstance(s, str) for s in stop):
            raise ManifestError(f"{PROMPT_FILE}: `stop` is not a list of texts.")
        if not isinstance(data["max_tokens"], int) or isinstance(data["max_tokens"], bool):
            raise ManifestError(f"{PROMPT_FILE}: `max_tokens` is not a whole number.")
        if isinstance(form, dict):
            form = {k: v for k, v in form.items() if k != "regex"}
        return cls(
            description=description,
            examples=_pairs(data["examples"]),
            stop=tuple(stop),
            max_tokens=data["max_tokens"],
            answer_form=None if form is None else AnswerForm.from_json(form),
        )


def _pairs(found: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(found, list):
        raise ManifestError(f"{PROMPT_FILE}: `examples` is not a list.")
    for number, entry in enumerate(found, 1):
        whole = isinstance(entry, dict) and entry.keys() == {"input", "output"}
        if not whole or not all(isinstance(v, str) for v in entry.values()):
            raise ManifestError(f"{PROMPT_FILE}: example {number} is not an object of the texts `input` and `output`.")
    return tuple((entry["input"], entry["output"]) for entry in found)


BARE = PromptFormat()
"""The input alone, and any answer."""

"""What a writer is asked: for examples in several ways, and for the answer to an input alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from genlora.tasks import AnswerForm

EACH = 6
"""Examples that one prompt asks for: more at once repeat each other."""
_TEMPERATURES = (0.7, 0.9, 1.0)
_TOKENS_EACH = 160
_ANSWER_TOKENS = 256
_FORMS_SHOWN = 8

_WAYS = (
    "Make them what people would send most often.",
    "Make each input about something else than the others, and some short, some long.",
    "Take them from everyday work: office, shop, workshop, school, travel.",
    "Make them harder than usual: inputs on which somebody in a hurry would make a mistake.",
    "Choose inputs that one would not think of first.",
    "Make them short and plain, no two of them alike.",
)
"""How prompts for the same description differ: one and the same prompt gets the same few examples."""


@dataclass(frozen=True)
class WriterPrompt:
    """One question to a writer."""

    text: str
    """The only turn, the user's: some models know no system turn."""
    temperature: float
    seed: int
    max_tokens: int
    raw: bool = False
    """To be continued as it stands, not asked in a chat: a list whose next line is wanted."""


def writing_prompts(description: str, form: AnswerForm | None, *, count: int, seed: int) -> list[WriterPrompt]:
    """Prompts that ask for `count` examples of a description between them, each in another way."""
    asked = -(-count // EACH)
    return [
        WriterPrompt(
            _writing(description, form, _WAYS[i % len(_WAYS)], math.ceil((count - i) / asked)),
            _TEMPERATURES[i % len(_TEMPERATURES)],
            seed + i,
            _TOKENS_EACH * EACH,
        )
        for i in range(asked)
    ]


def _writing(description: str, form: AnswerForm | None, way: str, each: int) -> str:
    held = "" if form is None else f"Every answer is {form.summary()}.\n"
    return (
        f"A program gets an input and this instruction:\n\n{description}\n\n"
        f"Write {each} different examples for it: an input as a user would send it, without the instruction, and the "
        f"right answer, exactly as the program has to print it, without explanation.\n{way}\n{held}"
        "Write each example on a line of its own as a JSON object with two texts, and write nothing else:\n"
        '{"input": "...", "output": "..."}'
    )


def answering_prompt(description: str, input: str, answers: Sequence[str], *, seed: int) -> WriterPrompt:
    """A prompt for the answer to one input. `answers`, those of other inputs, show what answers look like."""
    shown = list(dict.fromkeys(answers))[:_FORMS_SHOWN]
    like = f"Answers look like these: {'; '.join(shown)}\n" if shown else ""
    return WriterPrompt(
        f"{description}\n{like}Write the answer alone: no explanation, no quotation marks, no label before it.\n\n"
        f"Input: {input}",
        0.0,
        seed,
        _ANSWER_TOKENS,
    )

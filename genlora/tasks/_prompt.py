"""The prompt: exactly what the chat template makes of a conversation, so that any chat server reproduces it.

Training, evaluation, serving and `prompt.json` all go through here.
"""

from collections.abc import Sequence
from typing import Any

from genlora.errors import BaseError


def chat_messages(
    input: str, description: str | None = None, shots: Sequence[tuple[str, str]] = ()
) -> list[dict[str, str]]:
    """The conversation that asks for the answer to `input`: `shots` are turns (input, answer) before it.

    *Bare* is the input alone. The description stands once, before the first input of all, and a line break after it.
    """
    return with_turns([{"role": "user", "content": input}], description, shots)


def with_turns(
    conversation: Sequence[dict[str, str]], description: str | None, shots: Sequence[tuple[str, str]]
) -> list[dict[str, str]]:
    """`conversation`, which begins with a turn of the user, with `shots` and the description before it."""
    messages = []
    for asked, answered in shots:
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": answered})
    messages += [dict(turn) for turn in conversation]
    if description is not None:
        messages[0]["content"] = f"{description}\n{messages[0]['content']}"
    return messages


def chat_prompt(
    tokenizer: Any, input: str, description: str | None = None, *, shots: Sequence[tuple[str, str]] = ()
) -> str:
    """The prompt text: `apply_chat_template` of `chat_messages`, with the turn of the model opened.

    Raises `BaseError` if the tokenizer has no chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise BaseError(
            f"{getattr(tokenizer, 'name_or_path', 'this base')}: its tokenizer has no chat template. "
            "Expected an instruction-tuned base; choose one, or add a chat_template.jinja to its folder."
        )
    messages = chat_messages(input, description, shots)
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def prompt_ids(
    tokenizer: Any, input: str, description: str | None = None, *, shots: Sequence[tuple[str, str]] = ()
) -> list[int]:
    """The token ids of `chat_prompt`, as `apply_chat_template(..., tokenize=True)` gives them."""
    return tokenizer(chat_prompt(tokenizer, input, description, shots=shots), add_special_tokens=False)["input_ids"]

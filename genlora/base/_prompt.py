"""The prompt: exactly what the chat template makes of one user message, so that any chat server reproduces it."""

from collections.abc import Sequence
from typing import Any

from genlora.errors import BaseError


def user_message(input: str, description: str | None = None) -> str:
    """What the user says: *bare* is the input alone, *described* is description, newline, input."""
    return input if description is None else f"{description}\n{input}"


def chat_prompt(
    tokenizer: Any, input: str, description: str | None = None, *, shots: Sequence[tuple[str, str]] = ()
) -> str:
    """The prompt text: `apply_chat_template` of one user message with the turn of the model opened; `shots` are (input,
    answer) turns before it. The description stands once, in the first user turn.

    Raises `BaseError` if the tokenizer has no chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise BaseError(
            f"{getattr(tokenizer, 'name_or_path', 'this base')}: its tokenizer has no chat template. "
            "Expected an instruction-tuned base; choose one, or add a chat_template.jinja to its folder."
        )
    messages = []
    for asked, answered in shots:
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": answered})
    messages.append({"role": "user", "content": input})
    messages[0]["content"] = user_message(messages[0]["content"], description)
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def prompt_ids(
    tokenizer: Any, input: str, description: str | None = None, *, shots: Sequence[tuple[str, str]] = ()
) -> list[int]:
    """The token ids of `chat_prompt`, as `apply_chat_template(..., tokenize=True)` gives them."""
    return tokenizer(chat_prompt(tokenizer, input, description, shots=shots), add_special_tokens=False)["input_ids"]

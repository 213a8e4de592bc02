"""The prompt: exactly what the chat template makes of one user message, so that any chat server reproduces it."""

from typing import Any

from genlora.errors import BaseError


def user_message(input: str, description: str | None = None) -> str:
    """What the user says: *bare* is the input alone, *described* is description, newline, input."""
    return input if description is None else f"{description}\n{input}"


def chat_prompt(tokenizer: Any, input: str, description: str | None = None) -> str:
    """The prompt text: `apply_chat_template` of one user message with the turn of the model opened.

    Raises `BaseError` if the tokenizer has no chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise BaseError(
            f"{getattr(tokenizer, 'name_or_path', 'this base')}: its tokenizer has no chat template. "
            "Expected an instruction-tuned base; choose one, or add a chat_template.jinja to its folder."
        )
    message = {"role": "user", "content": user_message(input, description)}
    return tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True)


def prompt_ids(tokenizer: Any, input: str, description: str | None = None) -> list[int]:
    """The token ids of `chat_prompt`, as `apply_chat_template(..., tokenize=True)` gives them."""
    return tokenizer(chat_prompt(tokenizer, input, description), add_special_tokens=False)["input_ids"]

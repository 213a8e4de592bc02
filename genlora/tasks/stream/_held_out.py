"""What nobody trains on, decided by name before anything was trained; new operations fall under the same rule.

*far*: whole operations. *near*: an operation on an input kind type that it was never trained on, or label words never
seen. Whatever asks what a validation or test task of the catalogue asks is in neither: it is not in the stream.
"""

import hashlib

FAR_EIGHTHS = 1
NEAR_EIGHTHS = 1


def _bucket(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0] % 8


def is_far(operation: str) -> bool:
    """Whether the whole operation is held out: an eighth of them, by a hash of the name."""
    return _bucket(f"genlora far {operation}") < FAR_EIGHTHS


def is_near(operation: str, input_type: str) -> bool:
    """Whether this operation on this input type is held out: an eighth of the combinations of the others."""
    return _bucket(f"genlora near {operation} on {input_type}") < NEAR_EIGHTHS


def is_held_label(word: str) -> bool:
    """Whether a label word is kept for held-out specs: an eighth of the vocabulary."""
    return _bucket(f"genlora label {word}") < 1

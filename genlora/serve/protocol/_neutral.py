"""Parameters that ask for nothing: which of a request's fields are looked at, left aside, or refused."""

import difflib
from typing import Any

from pydantic import BaseModel

from .._errors import bad
from ._strict import says_nothing

IGNORED = frozenset(
    "user metadata store service_tier parallel_tool_calls safety_identifier prompt_cache_key prompt_cache_retention "
    "request_id priority cache_prompt keep_alive".split()
)
"""Parameters that do not change what is answered."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "suffix": ("",),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning": ({},),
    "reasoning_effort": ("none",),
    "verbosity": ("medium",),
    "web_search_options": (),
    "previous_response_id": (),
    "conversation": (),
    "include": ([],),
    "truncation": ("disabled", "auto"),
    "background": (False,),
    "max_tool_calls": (),
    "length_penalty": (1,),
    "use_beam_search": (False,),
    "do_sample": (),
    "min_tokens": (0,),
    "ignore_eos": (False,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "include_stop_str_in_output": (False,),
    "add_special_tokens": (True,),
    "typical_p": (1,),
    "repeat_penalty": (1,),
    "tfs_z": (1,),
    "thinking": ({"type": "disabled"},),
    "response_format": ({"type": "text"},),
}
"""Parameters that are not supported, with the values that ask for nothing and are therefore accepted, beside null."""

_MOST_IGNORED = 64


def kept_fields(value: dict[str, Any], kind: type[BaseModel]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields that `kind` is to look at, and names of unknown ones that ask for nothing.

    Raises `ApiError` for what is not supported or not known. By hand: pydantic would make an error of each of a hundred
    thousand unknown names.
    """
    known = kind.model_fields
    kept: dict[str, Any] = {}
    ignored: list[str] = []
    for name, said in value.items():
        if name in known:
            # -1 stands for "no limit" where clients come from other servers.
            if name.startswith("max_") and said == -1 and not isinstance(said, bool):
                continue
            kept[name] = said
        elif name in IGNORED or (name in NEUTRAL and (said is None or any(_same(said, n) for n in NEUTRAL[name]))):
            continue
        elif name in NEUTRAL:
            raise bad(f"{name} is not supported by this server. Leave it out.", name, code="unsupported_parameter")
        elif says_nothing(said) or (said == 0 and not isinstance(said, bool)):
            ignored.append(name)
        else:
            near = difflib.get_close_matches(name[:60], known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "Is it spelled right?"
            raise bad(f"unrecognized request argument: {name[:60]!r}. {hint}", name[:60])
    return kept, tuple(ignored[:_MOST_IGNORED])


def _same(value: Any, neutral: Any) -> bool:
    if isinstance(value, bool) or isinstance(neutral, bool):
        return value is neutral
    return value == neutral

"""What requests may say, as pydantic models, and which of OpenAI's parameters are refused or ignored.

A parameter that would change the answer and is not supported is refused; one that would not is ignored; an unknown one
is refused, as OpenAI does, so that a typing mistake does not go unnoticed.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from genlora.engine import MAX_LOGPROBS, Sampling
from genlora.errors import ConfigError
from genlora.tasks import MAX_SHOTS

from ._errors import ApiError, bad, from_validation
from ._held import HeldRequest, ResponseFormat
from ._messages import MAX_MESSAGES, Message
from ._settings import HttpSettings

IGNORED = frozenset(
    "user metadata store service_tier parallel_tool_calls safety_identifier prompt_cache_key "
    "prompt_cache_retention".split()
)
"""Parameters that do not change what is answered."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "best_of": (None, 1),
    "echo": (None, False),
    "suffix": (None, ""),
    "presence_penalty": (None, 0),
    "frequency_penalty": (None, 0),
    "logit_bias": (None, {}),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "reasoning_effort": (None,),
    "verbosity": (None,),
    "web_search_options": (None,),
}
"""Parameters that are not supported, with the values that ask for nothing and are therefore accepted."""

DEFAULT_MAX_TOKENS = 256
COMPLETION_MAX_TOKENS = 16
"""Longest answer where a request names none, on the two routes: OpenAI's own default for completions."""
_MAX_PROMPT = 1 << 16


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class StreamOptions(_Strict):
    """How to stream."""

    include_usage: bool = False
    include_obfuscation: bool | None = None
    """Accepted and not used."""


class _TextRequest(HeldRequest):
    """What both routes share."""

    model: str = Field(max_length=256)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0)
    """An extension that other servers know too."""
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: str | Annotated[list[str], Field(fail_fast=True, max_length=16)] | None = None

    @property
    def usage_wanted(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def _sampling(self, settings: HttpSettings, *, length: int | None, default: int, logprobs: int | None) -> Sampling:
        most = settings.limits.max_tokens
        if length is not None and length > most:
            raise bad(f"max_tokens is {length:,}, this server allows at most {most:,}. Ask for less.", "max_tokens")
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        try:
            return Sampling(
                max_tokens=length if length is not None else min(default, most),
                temperature=settings.temperature if self.temperature is None else self.temperature,
                top_p=1.0 if self.top_p is None else self.top_p,
                top_k=self.top_k or 0,
                seed=self.seed,
                stop=tuple(s for s in stop if s),
                logprobs=logprobs,
            )
        except ConfigError as err:
            raise bad(str(err), str(err).split()[0]) from err


class ChatRequest(_TextRequest):
    """The body of POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(fail_fast=True, min_length=1, max_length=MAX_MESSAGES)]
    max_completion_tokens: int | None = Field(None, ge=1)
    response_format: ResponseFormat | None = None
    prompt_format: Literal["bundle", "bare"] | None = None
    """An extension: whether a generated adapter is asked as its bundle says (the default), or as the messages stand."""
    logprobs: bool | None = False
    top_logprobs: int | None = Field(None, ge=0, le=MAX_LOGPROBS)

    def sampling(self, settings: HttpSettings) -> Sampling:
        """How the engine is to draw. Raises `ApiError`."""
        if self.top_logprobs and not self.logprobs:
            raise bad("top_logprobs needs logprobs: true.", "top_logprobs")
        length = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        wanted = (self.top_logprobs or 0) if self.logprobs else None
        return self._sampling(settings, length=length, default=DEFAULT_MAX_TOKENS, logprobs=wanted)


class CompletionRequest(_TextRequest):
    """The body of POST /v1/completions."""

    prompt: (
        str
        | Annotated[list[str], Field(fail_fast=True, max_length=_MAX_PROMPT)]
        | Annotated[list[int], Field(fail_fast=True, max_length=_MAX_PROMPT)]
    )
    logprobs: int | None = Field(None, ge=0, le=MAX_LOGPROBS)

    @property
    def one_prompt(self) -> str | list[int]:
        """The prompt: text, or token ids. Raises `ApiError` for several."""
        if isinstance(self.prompt, str):
            return self.prompt
        if self.prompt and isinstance(self.prompt[0], str):
            if len(self.prompt) > 1:
                raise bad("prompt: a list of several texts; this server takes one a request. Send one each.", "prompt")
            return self.prompt[0]
        return [t for t in self.prompt if isinstance(t, int)]

    def sampling(self, settings: HttpSettings) -> Sampling:
        """How the engine is to draw. Raises `ApiError`."""
        return self._sampling(settings, length=self.max_tokens, default=COMPLETION_MAX_TOKENS, logprobs=self.logprobs)


class ExampleItem(_Strict):
    """A worked example of a task."""

    input: str
    output: str
    accepted: Annotated[list[str], Field(fail_fast=True, max_length=64)] = []
    choices: Annotated[list[str], Field(fail_fast=True, max_length=64)] = []


class ShotItem(_Strict):
    """An example that stands in the prompt."""

    input: str
    output: str


class AdapterRequest(_Strict):
    """The body of POST /v1/adapters."""

    description: str | None = None
    shots: Annotated[list[ShotItem], Field(fail_fast=True, max_length=MAX_SHOTS)] = []
    """Examples that stand before every input, as earlier turns: no training."""
    examples: Annotated[list[ExampleItem], Field(fail_fast=True, min_length=1)] | None = None
    generator: str | None = Field(None, max_length=64)
    seed: int = Field(0, ge=0, lt=2**63)


Body = TypeVar("Body", bound=BaseModel)


def parse(data: bytes, kind: type[Body]) -> Body:
    """A request body as a value. Raises `ApiError` that names the first fault."""
    try:
        value = from_json(data, allow_inf_nan=False)
    except ValueError as err:
        raise bad(f"the body is not JSON ({err}). Expected one UTF-8 JSON object.", code="invalid_json") from err
    if not isinstance(value, dict):
        raise bad("the body is not a JSON object.", code="invalid_json")
    if issubclass(kind, _TextRequest):
        value = _known(value, kind)
    elif unknown := _first_unknown(value, kind):
        raise unknown
    try:
        return kind.model_validate(value)
    except ValidationError as err:
        raise from_validation(err, value) from err


def _known(value: dict[str, Any], kind: type[BaseModel]) -> dict[str, Any]:
    """`value` without what is ignored or asks for nothing. Raises `ApiError` for what is not supported or not known."""
    for name, neutral in NEUTRAL.items():
        if name in value and not any(_same(value[name], n) for n in neutral):
            hint = " Send one request for each answer." if name in ("n", "best_of") else " Leave it out."
            raise bad(f"{name} is not supported by this server.{hint}", name, code="unsupported_parameter")
    kept = {k: v for k, v in value.items() if k not in IGNORED and k not in NEUTRAL}
    if unknown := _first_unknown(kept, kind):
        raise unknown
    return kept


def _same(value: Any, neutral: Any) -> bool:
    if isinstance(value, bool) or isinstance(neutral, bool):
        return value is neutral
    return value == neutral


def _first_unknown(value: dict[str, Any], kind: type[BaseModel]) -> ApiError | None:
    # By hand: pydantic would make an error of each of a hundred thousand unknown names.
    for name in value:
        if name not in kind.model_fields:
            return bad(f"unrecognized request argument: {name[:60]!r}. Is it spelled right?", name[:60])
    return None

"""What requests may say, as pydantic models.

A parameter that would change the answer and is not supported is refused. One that would not is ignored; so is one that
nobody here knows and that asks for nothing, which a header of the answer then tells. Any other unknown one is refused,
as OpenAI does, so that a typing mistake does not go unnoticed.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from genlora.base import Constraint
from genlora.engine import MAX_LOGPROBS, Sampling
from genlora.errors import ConfigError
from genlora.tasks import MAX_SHOTS

from .._errors import bad, from_validation
from .._settings import HttpSettings, Limits
from ..entrance._caller import Caller
from ._held import HeldRequest, ResponseFormat
from ._messages import MAX_MESSAGES, Message, unknown_fields
from ._neutral import kept_fields
from ._strict import Strict
from ._tools import Calls, ToolChoice, Tools

DEFAULT_MAX_TOKENS = 256
COMPLETION_MAX_TOKENS = 16
"""Longest answer where a request names none, on the two routes: OpenAI's own default for completions."""
_MAX_PROMPT = 1 << 16
_MAX_PROMPTS = 1024

TokenIds = Annotated[list[int], Field(fail_fast=True, max_length=_MAX_PROMPT)]


class StreamOptions(Strict):
    """How to stream."""

    include_usage: bool = False
    include_obfuscation: bool | None = None
    """Accepted and not used."""


class TextRequest(HeldRequest):
    """What chat and completions share."""

    model: str = Field(max_length=256)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=0)
    n: int | None = Field(None, ge=1)
    best_of: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1)
    """An extension that other servers know too; 0 and -1 mean all."""
    min_p: float | None = Field(None, ge=0, le=1)
    """An extension: tokens less likely than this share of the most likely one are left out."""
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    """An extension: logits of tokens that were there are divided by it."""
    logit_bias: Annotated[dict[str, float], Field(max_length=1024)] | None = None
    """Added to the logits of tokens, by id, -100 to 100."""
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: str | Annotated[list[str], Field(fail_fast=True, max_length=16)] | None = None

    @property
    def usage_wanted(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def answers(self) -> int:
        """How many are wanted for each prompt. Raises `ApiError`."""
        wanted = self.n or 1
        if self.best_of not in (None, wanted):
            raise bad(f"best_of is {self.best_of}; this server gives every answer it makes. Leave it out.", "best_of")
        return wanted

    def sampling(self, settings: HttpSettings) -> Sampling:
        """How the engine is to draw. Raises `ApiError`."""
        raise NotImplementedError

    def constraint(self, response_format: ResponseFormat | None = None) -> Constraint | None:
        """What answers are held to. Raises `ApiError`."""
        return super().constraint(response_format)

    def _sampling(
        self, settings: HttpSettings, *, length: int | None, default: int, logprobs: int | None, **more: Any
    ) -> Sampling:
        most = settings.limits.max_tokens
        if length is not None and length > most:
            raise bad(f"max_tokens is {length:,}, this server allows at most {most:,}. Ask for less.", "max_tokens")
        if self.answers > settings.limits.answers:
            raise bad(f"n is {self.answers:,}, this server gives at most {settings.limits.answers:,}. Ask again.", "n")
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        wanted = {
            "top_p": self.top_p,
            "min_p": self.min_p,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "repetition_penalty": self.repetition_penalty,
        }
        try:
            return Sampling(
                max_tokens=length if length is not None else min(default, most),
                temperature=settings.temperature if self.temperature is None else self.temperature,
                top_k=max(0, self.top_k or 0),
                seed=self.seed,
                stop=tuple(s for s in stop if s),
                logprobs=logprobs,
                logit_bias=self._bias(),
                **{name: value for name, value in wanted.items() if value is not None},
                **more,
            )
        except ConfigError as err:
            raise bad(str(err), str(err).split()[0]) from err

    def _bias(self) -> tuple[tuple[int, float], ...]:
        found = []
        for token, by in (self.logit_bias or {}).items():
            if not token.isdecimal() or len(token) > 9:
                raise bad(f"logit_bias: {token[:40]!r} is not the id of a token.", "logit_bias")
            found.append((int(token), by))
        return tuple(found)


class ChatRequest(TextRequest):
    """The body of POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(fail_fast=True, min_length=1, max_length=MAX_MESSAGES)]
    max_completion_tokens: int | None = Field(None, ge=1)
    response_format: ResponseFormat | None = None
    tools: Tools | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    prompt_format: Literal["bundle", "bare"] | None = None
    """An extension: whether a generated adapter is asked as its bundle says (the default), or as the messages stand."""
    continue_final_message: bool | None = None
    """An extension: whether the answer goes on with the last message, if that is the assistant's; by default yes."""
    add_generation_prompt: bool | None = None
    """An extension: true begins a turn of the assistant's in any case."""
    logprobs: bool | None = False
    top_logprobs: int | None = Field(None, ge=0, le=MAX_LOGPROBS)

    @property
    def goes_on(self) -> bool:
        """Whether the answer is to go on with the last message. Raises `ApiError`."""
        if self.continue_final_message and self.messages[-1].role != "assistant":
            raise bad("continue_final_message: the last message is not the assistant's.", "continue_final_message")
        if self.continue_final_message and self.add_generation_prompt:
            raise bad("give either continue_final_message or add_generation_prompt.", "continue_final_message")
        if self.messages[-1].role != "assistant" or self.continue_final_message is False:
            return False
        return not self.add_generation_prompt

    def constraint(self, response_format: ResponseFormat | None = None) -> Constraint | None:
        """What answers are held to. Raises `ApiError`."""
        held = super().constraint(response_format or self.response_format)
        calls = self.calls()
        call = None if calls is None else calls.constraint()
        if held is not None and call is not None:
            raise bad("the answer is to be a call, so nothing else may say what it is.", "tool_choice")
        return call or held

    def calls(self) -> Calls | None:
        """The functions that may be called. Raises `ApiError`."""
        return Calls.of(self.tools, self.tool_choice)

    def turns(self) -> list[Message]:
        """The conversation, with the functions told at its beginning. Raises `ApiError`."""
        calls = self.calls()
        if calls is None:
            return self.messages
        first, *others = self.messages
        if first.role in ("system", "developer"):
            return [Message(role="system", content=f"{first.text}\n\n{calls.told()}"), *others]
        return [Message(role="system", content=calls.told()), first, *others]

    def sampling(self, settings: HttpSettings) -> Sampling:
        """How the engine is to draw. Raises `ApiError`."""
        if self.top_logprobs and not self.logprobs:
            raise bad("top_logprobs needs logprobs: true.", "top_logprobs")
        length = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        if length == 0:
            raise bad("max_tokens is 0. Ask for one token or more.", "max_tokens")
        wanted = (self.top_logprobs or 0) if self.logprobs else None
        return self._sampling(settings, length=length, default=DEFAULT_MAX_TOKENS, logprobs=wanted)


class CompletionRequest(TextRequest):
    """The body of POST /v1/completions."""

    prompt: (
        str
        | Annotated[list[str], Field(fail_fast=True, min_length=1, max_length=_MAX_PROMPTS)]
        | TokenIds
        | Annotated[list[TokenIds], Field(fail_fast=True, min_length=1, max_length=_MAX_PROMPTS)]
    )
    """A text, a list of texts, token ids, or a list of those."""
    logprobs: int | None = Field(None, ge=0, le=MAX_LOGPROBS)
    echo: bool | None = None
    """Whether answers begin with the prompt; with `logprobs` its tokens are rated too."""

    def prompts(self, limits: Limits) -> list[str | list[int]]:
        """Each prompt: text, or token ids. Raises `ApiError` for too many answers."""
        one = isinstance(self.prompt, str) or not self.prompt or isinstance(self.prompt[0], int)
        found: list[Any] = [self.prompt] if one else list(self.prompt)
        if len(found) * self.answers > limits.answers:
            raise bad(
                f"{len(found) * self.answers:,} answers to one request, this server gives at most {limits.answers:,}. "
                "Send several requests.",
                "n" if one else "prompt",
            )
        return found

    def sampling(self, settings: HttpSettings) -> Sampling:
        """How the engine is to draw. Raises `ApiError`."""
        rated = self.logprobs if self.echo else None
        if self.max_tokens == 0 and rated is None:
            raise bad("max_tokens is 0, which gives nothing without echo and logprobs. Ask for more.", "max_tokens")
        more = {} if rated is None else {"prompt_logprobs": rated}
        return self._sampling(
            settings, length=self.max_tokens, default=COMPLETION_MAX_TOKENS, logprobs=self.logprobs, **more
        )


class EmbeddingRequest(Strict):
    """The body of POST /v1/embeddings."""

    model: str = Field(max_length=256)
    """`embedder`, the one there is."""
    input: str | Annotated[list[str], Field(fail_fast=True, min_length=1, max_length=256)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    """As many as the vectors have, if it is given."""


class TokenizeRequest(Strict):
    """The body of POST /tokenize."""

    model: str | None = Field(None, max_length=256)
    """Accepted and not used: all models of a server share a tokenizer."""
    prompt: str | None = None
    messages: Annotated[list[Message], Field(fail_fast=True, min_length=1, max_length=MAX_MESSAGES)] | None = None
    add_special_tokens: bool = True
    add_generation_prompt: bool = True
    return_token_strs: bool | None = None


class DetokenizeRequest(Strict):
    """The body of POST /detokenize."""

    model: str | None = Field(None, max_length=256)
    """Accepted and not used."""
    tokens: TokenIds


class ExampleItem(Strict):
    """A worked example of a task."""

    input: str
    output: str
    accepted: Annotated[list[str], Field(fail_fast=True, max_length=64)] = Field(default_factory=list)
    choices: Annotated[list[str], Field(fail_fast=True, max_length=64)] = Field(default_factory=list)


class ShotItem(Strict):
    """An example that stands in the prompt."""

    input: str
    output: str


class AdapterRequest(Strict):
    """The body of POST /v1/adapters."""

    description: str | None = None
    """What the model should do, in one to three sentences."""
    shots: Annotated[list[ShotItem], Field(fail_fast=True, max_length=MAX_SHOTS)] = Field(default_factory=list)
    """Examples that stand before every input, as earlier turns: no training."""
    examples: Annotated[list[ExampleItem], Field(fail_fast=True, min_length=1)] | None = None
    """Worked examples, beside a description or without one. Four or more are what the adapter is fitted to."""
    inputs: Annotated[list[str], Field(fail_fast=True, min_length=1)] | None = None
    """Four or more inputs that it will be asked, without answers, beside a description: they help to choose."""
    generator: str | None = Field(None, max_length=64)
    seed: int = Field(0, ge=0, lt=2**63)
    min_accuracy: float | None = Field(None, ge=0, le=1)
    """An adapter that is expected to be right less often than this is refused, and not kept."""
    name: str | None = Field(None, max_length=256)
    """What to call it; then `model` may be this too."""
    expires_in: int | None = Field(None, ge=1)
    """Seconds until it is forgotten."""
    background: bool | None = None
    """Answer at once with a job, which can be asked after and cancelled; by default only where an adapter is fitted to
    examples, which takes half a minute.
    """


class AdapterChange(Strict):
    """The body of PATCH /v1/adapters/ID; what is left out stays, null takes it away."""

    name: str | None = Field(None, max_length=256)
    expires_in: int | None = Field(None, ge=1)


Body = TypeVar("Body", bound=BaseModel)


def parse(data: bytes, kind: type[Body], caller: Caller) -> Body:
    """A request body as a value; the caller learns what was ignored. Raises `ApiError` that names the first fault."""
    try:
        value = from_json(data, allow_inf_nan=False)
    except ValueError as err:
        raise bad(f"the body is not JSON ({err}). Expected one UTF-8 JSON object.", code="invalid_json") from err
    if not isinstance(value, dict):
        raise bad("the body is not a JSON object.", code="invalid_json")
    value, caller.ignored = kept_fields(value, kind)
    if issubclass(kind, ChatRequest):
        caller.ignored += unknown_fields(value.get("messages"))
    return checked(value, kind)


def checked(value: dict[str, Any], kind: type[Body]) -> Body:
    """A body's fields as a value. Raises `ApiError`."""
    try:
        return kind.model_validate(value)
    except ValidationError as err:
        raise from_validation(err, value) from err

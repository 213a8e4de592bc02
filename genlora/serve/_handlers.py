"""Answers: find the adapter, hand prompts to the engine, and let go of both in the end."""

import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from genlora.api import Library, Model
from genlora.base import Constraint
from genlora.engine import Completion, Engine, Sampling, Stream
from genlora.errors import UnknownModelError
from genlora.tasks import BARE

from ._errors import ApiError, json_response
from ._metrics import Metrics
from ._settings import HttpSettings
from .entrance._bodies import Gone, until_gone
from .entrance._caller import Caller, caller_of
from .entrance._quotas import Quotas
from .protocol._answers import AnswerShape, usage_of
from .protocol._prompt import Prompts, Question
from .protocol._responses import ResponseForm, ResponseRequest, renamed
from .protocol._schema import ChatRequest, CompletionRequest, TextRequest, checked

Result = TypeVar("Result")

_THREADS = 2
"""Threads that tokenise, look adapters up and pack folders: work of milliseconds that must not hold up the loop."""


class Handlers:
    """Engine and library behind the routes of one server."""

    def __init__(self, engine: Engine, library: Library, settings: HttpSettings) -> None:
        self.engine, self.library, self.settings = engine, library, settings
        self.metrics = Metrics(engine, library)
        self.started = int(time.time())
        limits = settings.limits
        self.quotas = Quotas(tokens=limits.key_tokens, requests=settings.share(limits.requests))
        self.prompts = Prompts(engine.base, max_chars=limits.prompt_chars, max_length=engine.max_length)
        self._threads = CapacityLimiter(_THREADS)

    async def aside(self, work: Callable[..., Result], *args: Any) -> Result:
        """Run `work` in a thread. It is waited for even if the request is cancelled."""
        return await to_thread.run_sync(partial(work, *args), limiter=self._threads)

    async def chat(self, request: Request, asked: ChatRequest) -> Response:
        """Answer a conversation."""
        form = self._form(asked, "chatcmpl", chat=True, logprobs=bool(asked.logprobs))
        form = replace(form, calls=asked.calls())
        answers = await self._begun(request, asked, self._conversation(asked, caller_of(request)))
        return await self._told(request, answers, form, stream=bool(asked.stream))

    async def complete(self, request: Request, asked: CompletionRequest) -> Response:
        """Go on with texts."""
        form = self._form(asked, "cmpl", chat=False, logprobs=asked.logprobs is not None, echo=bool(asked.echo))

        def questions(_: str) -> list[Question]:
            return [self.prompts.text(p) for p in asked.prompts(self.settings.limits)]

        answers = await self._begun(request, asked, questions)
        return await self._told(request, answers, form, stream=bool(asked.stream))

    async def respond(self, request: Request, asked: ResponseRequest) -> Response:
        """Answer in the form of the Responses interface."""
        try:
            chat = checked(asked.as_chat(), ChatRequest)
            answers = await self._begun(request, chat, self._conversation(chat, caller_of(request)))
        except ApiError as err:
            raise renamed(err) from err
        form = ResponseForm.of(asked)
        if asked.stream:
            ended = partial(self._ended, answers)
            return _Events(form.events(answers.streams[0], lambda c: ended([c])), answers)
        (whole,) = await self._whole(request, answers)
        return json_response(form.whole(whole))

    def _conversation(self, asked: ChatRequest, caller: Caller) -> Callable[[str], list[Question]]:
        def questions(model: str) -> list[Question]:
            format = BARE if asked.prompt_format == "bare" else self.library.prompt(model, caller.owner)
            return [self.prompts.chat(asked.turns(), format, goes_on=asked.goes_on)]

        return questions

    def _form(self, asked: TextRequest, kind: str, *, chat: bool, logprobs: bool, echo: bool = False) -> AnswerShape:
        id = f"{kind}-{uuid.uuid4().hex}"
        return AnswerShape(chat, id, asked.model, int(time.time()), logprobs, usage=asked.usage_wanted, echo=echo)

    async def _begun(
        self, request: Request, asked: TextRequest, questions: Callable[[str], list[Question]]
    ) -> "Answers":
        """The streams of a request's answers. Raises `ApiError` or a `GenloraError`."""
        caller = caller_of(request)
        self.quotas.check(caller.owner)
        sampling, held = asked.sampling(self.settings), asked.constraint()
        answers = Answers(self, caller)
        try:
            await self.aside(answers.submit, asked.model, questions, sampling, held, asked.answers)
        except BaseException:
            answers.close()
            raise
        return answers

    async def _told(self, request: Request, answers: "Answers", form: AnswerShape, *, stream: bool) -> Response:
        if stream:
            return _Events(form.events(answers.streams, answers.questions, partial(self._ended, answers)), answers)
        return json_response(form.whole(await self._whole(request, answers), answers.questions))

    async def _whole(self, request: Request, answers: "Answers") -> list[Completion]:
        try:
            found = await until_gone(request, answers.all())
        except Gone:
            self.metrics.disconnects.inc()
            raise
        finally:
            answers.close()
        self._ended(answers, found)
        return found

    async def answer(self, caller: Caller, asked: ChatRequest) -> Completion:
        """The answer to a conversation, for whoever makes another form of it."""
        self.quotas.check(caller.owner)
        answers = Answers(self, caller)
        questions = self._conversation(asked, caller)
        try:
            work = (asked.model, questions, asked.sampling(self.settings), asked.constraint(), 1)
            await self.aside(answers.submit, *work)
            found = await answers.all()
        finally:
            answers.close()
        self._ended(answers, found)
        return found[0]

    def _ended(self, answers: "Answers", found: Sequence[Completion]) -> None:
        for whole in found:
            self.metrics.first_token.observe(whole.first_token_s)
        usage = usage_of(found, answers.questions)
        self.quotas.spend(answers.caller.owner, usage.pop("total_tokens"))
        answers.caller.noted.update(usage)

    # ---- models

    def models(self, owner: str) -> list[dict[str, Any]]:
        """Every model, in OpenAI's form with two fields more."""
        return [self._model(m) for m in self.library.models(owner)]

    def model(self, name: str, owner: str) -> dict[str, Any]:
        """One model. Raises `UnknownModelError`."""
        for model in self.library.models(owner):
            if model.id == name:
                return self._model(model)
        self.library.find(name, owner)  # says what there is
        raise UnknownModelError(f"{name[:80]!r} is no longer here.")

    def _model(self, model: Model) -> dict[str, Any]:
        about = {"kind": model.kind, **({"description": model.description} if model.description else {})}
        if model.name:
            about["name"] = model.name
        return {"id": model.id, "object": "model", "created": self.started, "owned_by": "genlora", "genlora": about}


class Answers:
    """One request in the engine: a stream for each answer, with the adapter kept until all have ended."""

    def __init__(self, handlers: Handlers, caller: Caller) -> None:
        self.handlers, self.caller = handlers, caller
        self.streams: list[Stream] = []
        self.questions: list[Question] = []
        """What each stream answers."""
        self._kept = ExitStack()

    def submit(
        self,
        model: str,
        questions: Callable[[str], list[Question]],
        sampling: Sampling,
        held: Constraint | None,
        each: int,
    ) -> None:
        """Find the adapter and ask the engine, `each` times for each question.

        `held` goes before what the adapter's own bundle holds answers to.
        """
        library, engine = self.handlers.library, self.handlers.engine
        adapter = self._kept.enter_context(library.lease(model, self.caller.owner))
        self.caller.noted["model"] = library.id_of(model, self.caller.owner)
        for question in questions(model):
            for number in range(each):
                own = replace(sampling, stop=(*sampling.stop, *question.stop)) if question.stop else sampling
                if own.seed is not None and number:
                    own = replace(own, seed=own.seed + number)
                stream = engine.submit(
                    question.ids,
                    own,
                    adapter=adapter,
                    constraint=held or question.constraint,
                    prefix=question.prefix,
                    owner=self.caller.owner,
                )
                self.streams.append(stream)
                self.questions.append(question)

    async def all(self) -> list[Completion]:
        """Every answer, whole."""
        return [await stream.aresult() for stream in self.streams]

    def close(self) -> None:
        """Stop what still runs. May be called more than once."""
        for stream in self.streams:
            if not stream.done:
                stream.cancel()
        self._kept.close()


class _Events(StreamingResponse):
    """Server-sent events; whoever leaves early ends the generation."""

    def __init__(self, events: AsyncIterator[str], answers: Answers) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if not all(stream.done for stream in self._answers.streams):
                self._answers.handlers.metrics.disconnects.inc()
            self._answers.close()

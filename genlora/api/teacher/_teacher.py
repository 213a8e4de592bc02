"""A teacher: any model behind an OpenAI-compatible endpoint that the user named; nothing is sent without one."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from genlora.adapter import AdapterFiles
from genlora.errors import ConfigError, TeacherError
from genlora.progress import Progress, silent
from genlora.remote import Remote, Reply
from genlora.tasks import Example
from genlora.train import LEAST, Counts, Synthesised, WriterPrompt, synthesise

from ._sheet import examples_page

KEY_VARIABLE = "OPENAI_API_KEY"
MOST_ASKED = 512
_ROUTE = "/chat/completions"
_AT_ONCE = 4
"""Prompts on their way at the same time."""
_PAUSES_S = (1.0, 4.0, 10.0)
"""Before an endpoint that is busy (429, 503) is asked again."""
_PLAIN = {"max_tokens": "max_completion_tokens", "temperature": None, "seed": None}
"""Parameters that some endpoints refuse, and what they want instead."""


def _unseen(found: Synthesised) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Teacher:
    """Where examples come from.

    Raises `ConfigError` for a URL, model, key or number that cannot be used.
    """

    url: str
    """The endpoint up to its version, such as `https://HOST/v1`; `/v1` is added where there is no path."""
    model: str
    """What the endpoint calls the model."""
    key_env: str = KEY_VARIABLE
    """Environment variable with the endpoint's key; "" sends none. The default one may be unset."""
    count: int = 24
    """Examples that are asked for, 4 to 512; about a third of a good teacher's are filtered out."""
    timeout_s: float = 120.0
    """Limit of each request, in seconds."""
    look: Callable[[Synthesised], object] = _unseen
    """Called with what was written before anything is fitted to it; what it raises ends the work."""

    def __post_init__(self) -> None:
        if not LEAST <= self.count <= MOST_ASKED:
            raise ConfigError(
                f"teacher: {self.count} examples, expected {LEAST} to {MOST_ASKED}. Ask for another number."
            )
        if not self.model.strip() or not self.model.isprintable() or len(self.model) > 256:
            raise ConfigError("teacher: the model's name is empty or no name. Give it as the endpoint lists it.")
        self._remote()

    @property
    def endpoint(self) -> str:
        """The URL that is asked, without the route."""
        return self._remote().url

    def _remote(self) -> Remote:
        key = os.environ.get(self.key_env) if self.key_env else None
        if self.key_env not in ("", KEY_VARIABLE) and not key:
            raise ConfigError(
                f"teacher: the environment variable {self.key_env[:60]!r} is not set. Set it to the endpoint's key, or "
                "leave --teacher-key-env out."
            )
        url = self.url.strip().rstrip("/").removesuffix(_ROUTE)
        try:
            bare = not urlsplit(url).path
        except ValueError:
            bare = False  # `Remote` says what is wrong with it
        hint = f"the variable that --teacher-key-env names (now ${self.key_env or KEY_VARIABLE})"
        return Remote(
            f"{url}/v1" if bare else url, key=key, timeout_s=self.timeout_s, key_from=hint, error=TeacherError
        )

    def teach(self, description: str, *, seed: int = 0, progress: Progress = silent) -> "Taught":
        """Examples of `description`, four at least, shown to `look`. Raises `TeacherError`."""
        found = synthesise(description, _Endpoint(self), count=self.count, seed=seed, progress=progress)
        taught = Taught(description, self.endpoint, self.model, found)
        if len(found.examples) < LEAST:
            raise TeacherError(_too_few(taught))
        self.look(found)
        return taught


@dataclass(frozen=True)
class Taught:
    """What a teacher wrote, and who it is."""

    description: str
    endpoint: str
    model: str
    found: Synthesised

    @property
    def examples(self) -> tuple[Example, ...]:
        return self.found.examples

    def told(self) -> dict[str, Any]:
        """For the receipt: endpoint, model and counts. Never the key."""
        return {"endpoint": self.endpoint, "model": self.model, **self.found.counts.to_json()}

    def files(self) -> dict[str, bytes]:
        """What lies beside the adapter: the kept examples as `--examples` reads them, and a page that shows all."""
        return {AdapterFiles.EXAMPLES: self.lines(), AdapterFiles.PAGE: self.page()}

    def lines(self) -> bytes:
        """The kept examples as JSON Lines."""
        rows = [{"input": e.input, "output": e.output} for e in self.examples]
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)

    def page(self) -> bytes:
        """A page for people: what was kept, what was doubtful, how many were dropped."""
        return examples_page(self.description, self.told(), self.found).encode()


def check_alone(shots: Sequence[object], examples: object | None, refine: object | None, generator: str | None) -> None:
    """Raise `ConfigError` where a request with a teacher has examples of its own, or wants a draw."""
    if shots or examples is not None or refine is not None:
        raise ConfigError(
            "a teacher writes the examples: give none beside it (shots, examples, refine), or no teacher."
        )
    if generator not in (None, "auto"):
        raise ConfigError(
            f"with a teacher the start is the best by its loss on the examples, not {generator!r}. Leave --generator "
            "out."
        )


def _too_few(taught: Taught) -> str:
    c: Counts = taught.found.counts
    where = f"teacher {taught.model[:60]!r} at {taught.endpoint}"
    if not c.parsed:
        return (
            f"{where}: wrote no example that can be read, of {c.asked} asked for. Expected JSON lines of input and "
            "output. Is it a model that follows instructions? Try a larger one, or write examples: --examples FILE."
        )
    form = taught.found.form
    off = "" if form is None or not c.off_form else f" (expected {form.summary()})"
    return (
        f"{where}: {c.kept} usable examples, expected {LEAST} or more: of {c.asked} asked for {c.parsed} were read, "
        f"{c.duplicate} were there twice, {c.off_form} not of the answers' form{off}, and on {c.disagreed} it "
        "disagreed with itself. Say more exactly what the answer is, ask a better model, or write examples: --examples "
        "FILE."
    )


class _Endpoint:
    """A writer that asks over HTTP. Each answer is its own request, a few at a time."""

    def __init__(self, teacher: Teacher) -> None:
        self._model, self._remote = teacher.model, teacher._remote()
        self._refused: frozenset[str] = frozenset()

    def __call__(self, prompts: Sequence[WriterPrompt]) -> Iterator[str]:
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="genlora-teacher")
        try:
            yield from pool.map(self._answer, prompts)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _answer(self, prompt: WriterPrompt) -> str:
        pauses = iter(_PAUSES_S)
        while True:
            refused = self._refused
            reply = self._remote.ask("POST", _ROUTE, self._body(prompt, refused))
            if reply.status in (429, 503) and (pause := next(pauses, None)) is not None:
                time.sleep(pause)
            elif reply.status in (400, 422) and (name := _disliked(reply, refused)) is not None:
                self._refused |= {name}
            else:
                return self._text(reply)

    def _body(self, prompt: WriterPrompt, refused: frozenset[str]) -> dict[str, Any]:
        options: dict[str, Any] = {
            "max_tokens": prompt.max_tokens,
            "temperature": prompt.temperature,
            "seed": prompt.seed,
        }
        for name in refused:
            value, other = options.pop(name), _PLAIN[name]
            if other is not None:
                options[other] = value
        return {"model": self._model, "messages": [{"role": "user", "content": prompt.text}], **options}

    def _text(self, reply: Reply) -> str:
        where = f"{self._remote.url}{_ROUTE}"
        if not reply.ok:
            hint = " Is --teacher-model a name that the endpoint knows?" if reply.status in (400, 404) else ""
            raise TeacherError(f"{where}: answered {reply.status}: {reply.said}.{hint}")
        try:
            message = reply.json(where)["choices"][0]["message"]
            text = message["content"]
        except (KeyError, TypeError, IndexError) as err:
            raise TeacherError(
                f"{where}: the answer holds no `choices` with a message. Expected an OpenAI-compatible endpoint; the "
                "URL ends with its version, such as /v1."
            ) from err
        return text if isinstance(text, str) else ""  # null where it only thought


def _disliked(reply: Reply, refused: frozenset[str]) -> str | None:
    """The parameter that an endpoint says it does not take."""
    return next((name for name in _PLAIN if name not in refused and f"'{name}'" in reply.said), None)

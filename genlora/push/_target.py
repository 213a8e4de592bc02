"""What every kind of server has to tell `push`: its form, its flags, its requests."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from genlora.errors import ConfigError, PushError
from genlora.remote import Remote, Reply
from genlora.tasks import AnswerForm

from ._parcel import Parcel


@dataclass(frozen=True)
class Job:
    """One adapter on its way to one server."""

    parcel: Parcel
    files: Mapping[str, bytes] = field(repr=False)
    named_by: Mapping[str, bytes] = field(repr=False)
    digest: str
    """Name of the folder in the store."""
    place: Path
    """The folder on this machine."""
    seen: str
    """The same folder's path on the server."""
    architecture: str | None = None
    """llama.cpp's name, where it is known."""
    served_base: str | None = None
    force: bool = False
    grammar: str = ""
    """Path on the server of the answer form as GBNF; '' where there is none."""
    base_file: str | None = None
    """The base as a GGUF file on this machine, where there is one."""

    @property
    def messages(self) -> list[dict[str, str]]:
        """The adapter's conversation, with `...` in place of the input."""
        return self.parcel.prompt.messages("...")

    @property
    def form(self) -> AnswerForm | None:
        """What answers are to be held to."""
        return self.parcel.prompt.answer_form


class Target(ABC):
    """One kind of server. Its docstring says which version was read or run."""

    title: ClassVar[str]
    kind: ClassVar[str] = "adapters"
    """The part of the store it reads: adapters (PEFT folders) or gguf."""
    default_rank: ClassVar[int] = 10**6
    """Ranks above need a flag."""

    def __init__(self) -> None:
        self.certainly_refused = False
        """Set where the server answered that it did not take the adapter, so that the lease can end."""
        self.jobs: tuple[Job, ...] = ()
        """What is pushed together."""

    def check_options(self, served_base: str | None, *, has_server: bool) -> None:
        """Raise `ConfigError` where an option is missing or makes no sense for this kind of server."""
        if served_base is not None:
            raise ConfigError(f"--served-base is for Ollama; {self.title} knows its base.")

    def expect(self, jobs: Sequence[Job]) -> None:
        """Told of all adapters that are pushed together, before anything is asked or sent."""
        self.jobs = tuple(jobs)

    @abstractmethod
    def name(self, job: Job) -> str:
        """What requests ask for."""

    @abstractmethod
    def flags(self, job: Job) -> str:
        """How the server has to be started."""

    @abstractmethod
    def request(self, job: Job) -> dict[str, Any]:
        """`path` and `body` of a request that uses the adapter."""

    @abstractmethod
    def planned(self, job: Job) -> list[str]:
        """The requests of `inspect` and `deliver`, in words."""

    @abstractmethod
    def inspect(self, job: Job, remote: Remote) -> list[str]:
        """Look whether the server is there, has the right base and can take the rank; returns notes for the user.

        Raises `PushError` or `BaseMismatchError`. Changes nothing.
        """

    @abstractmethod
    def deliver(self, job: Job, remote: Remote) -> tuple[bool, list[str]]:
        """Give the server the adapter; returns whether it can be used now, and notes. Raises `PushError`."""

    @abstractmethod
    def without_server(self, job: Job) -> str:
        """What to do with the folder where no server was named."""

    @abstractmethod
    def withdraw(self, digest: str, remote: Remote) -> None:
        """Make the server forget the adapter, or raise `PushError` where it still has it."""

    def form_notes(self, job: Job) -> list[str]:
        """What the user should know of how answers are held to their form."""
        return []

    def refused(self, remote: Remote, path: str, reply: Reply, hint: str) -> PushError:
        """The error for an answer that is a no; its lease may end."""
        self.certainly_refused = True
        return PushError(f"{remote.url}{path}: refused the adapter ({reply.status}: {reply.said}). {hint}")


def entries(found: Any, where: str, key: str | None = None) -> list[dict[str, Any]]:
    """The objects of a JSON list, or of the list under `key`. Raises `PushError` for another shape."""
    listed = found.get(key) if key is not None and isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise PushError(f"{where}: the answer is not of the expected form. Is it the right server? Check --to.")
    return [entry for entry in listed if isinstance(entry, dict)]

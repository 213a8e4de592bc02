"""From a name that a client put into `model` to a folder that vLLM may load."""

import asyncio
import hashlib
import logging
import time
import unicodedata
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from genlora.errors import GenloraError

from ._client import ID, Away, Client, NotFound
from ._folder import Served, Unfit
from ._settings import Settings
from ._store import Store

log = logging.getLogger("vllm.plugins.genlora")

NAME = "genlora:"
_MAX_MISSES = 4096
_AWAY_S = 2.0


@dataclass(frozen=True)
class Found:
    """An adapter that may be loaded."""

    folder: Path
    shown: str
    """The name that `GET /v1/models` lists to every client: never a description."""


class Refused(Exception):
    """A limit was reached, or the name is not one that is looked for."""


class Resolver:
    """Resolves names, within the limits of the settings. Never raises; what went wrong is in the operator's log."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._store = Store(settings.store, max_bytes=settings.max_bytes)
        self._client = (
            Client(settings.service, key=settings.key, timeout_s=settings.timeout_s) if settings.service else None
        )
        self._pool = ThreadPoolExecutor(settings.max_running, thread_name_prefix="genlora-resolve")
        self._pending = 0
        self._names: set[str] = set()
        self._recent: deque[float] = deque()
        self._misses: OrderedDict[str, float] = OrderedDict()

    async def resolve(self, model: str, name: str) -> Found | None:
        """The adapter called `name` for the base `model`; None for anything else."""
        if not name.startswith(NAME):
            return None
        # Logs and tables hold this instead of what a client wrote.
        mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        try:
            asked = self._asked(name)
            self._admit(mark)
            self._pending += 1
            try:
                found = await asyncio.get_running_loop().run_in_executor(self._pool, self._find, model, asked)
            finally:
                self._pending -= 1
        except Refused as err:
            log.warning("genlora: request %s refused: %s", mark[:12], err)
            return None
        except NotFound as err:
            self._miss(mark, self.settings.negative_s)
            log.info("genlora: %s is not to be had: %s", mark[:12], err)
            return None
        except (Unfit, GenloraError) as err:
            self._miss(mark, self.settings.negative_s)
            log.warning("genlora: the adapter for %s is not used: %s", mark[:12], err)
            return None
        except Away as err:
            self._miss(mark, min(_AWAY_S, self.settings.negative_s))
            log.warning("genlora: the service is of no help for %s: %s", mark[:12], err)
            return None
        except Exception as err:
            # vLLM would send the text of an exception to the client.
            self._miss(mark, min(_AWAY_S, self.settings.negative_s))
            log.error("genlora: looking for %s failed with %s", mark[:12], type(err).__name__, exc_info=err)
            return None
        self._names.add(mark)
        return Found(found, name if ID.fullmatch(name) else f"{NAME}text-{mark}")

    def _asked(self, name: str) -> tuple[str | None, str]:
        """(digest or id, "") or (None, description). Raises `Refused`."""
        if known := ID.fullmatch(name):
            return known[1], ""
        if not self.settings.descriptions:
            raise Refused("it is no digest, and descriptions are not switched on (GENLORA_VLLM_DESCRIPTIONS=1)")
        text = name.removeprefix(NAME).strip()
        if not 1 <= len(text) <= self.settings.max_chars:
            raise Refused(f"a description of {len(text):,} characters; 1 to {self.settings.max_chars:,} are allowed")
        # Line breaks would forge lines in vLLM's log, which writes names as they are; format characters hide text.
        if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in text):
            raise Refused("a description with control characters")
        return None, text

    def _admit(self, mark: str) -> None:
        now = time.monotonic()
        if self._misses.get(mark, 0.0) > now:
            raise Refused("it was not found a moment ago")
        if self._pending >= self.settings.max_running + self.settings.max_waiting:
            raise Refused(f"{self._pending} others are being looked for")
        if mark not in self._names and len(self._names) >= self.settings.max_names:
            raise Refused(f"{self.settings.max_names:,} names were resolved already; restart the server")
        while self._recent and self._recent[0] < now - 60:
            self._recent.popleft()
        if len(self._recent) >= self.settings.per_minute:
            raise Refused(f"over {self.settings.per_minute} new names in a minute")
        self._recent.append(now)

    def _miss(self, mark: str, seconds: float) -> None:
        self._misses[mark] = time.monotonic() + seconds
        self._misses.move_to_end(mark)
        while len(self._misses) > _MAX_MISSES:
            self._misses.popitem(last=False)

    def _find(self, model: str, asked: tuple[str | None, str]) -> Path:
        name, description = asked
        served = Served(model, self.settings.base, self.settings.max_rank)
        if name is None:
            assert self._client is not None
            name = self._client.generate(description)
        digest = self._store.find(name) or self._fetch(served, name)
        folder = self._store.lease(digest)
        if folder is None:
            raise NotFound("its folder went away")
        served.check(folder)
        return folder

    def _fetch(self, served: Served, name: str) -> str:
        if self._client is None:
            raise NotFound("the store has no such folder")
        files = self._client.fetch(name)
        served.check_files(files)
        return self._store.put(name, files)

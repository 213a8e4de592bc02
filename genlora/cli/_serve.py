"""`genlora serve`: an OpenAI-compatible server for the base, the bank's experts and generated adapters."""

from __future__ import annotations

import json
import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._progress import Show, progress_bars
from ._show import bank_option, say_json
from ._text import plain

if TYPE_CHECKING:
    from genlora.base import LoadedBase
    from genlora.serve import HttpSettings

EXIT_CUT_OFF = 143
_DTYPES = ("float32", "bfloat16", "float16")


@click.command(
    epilog="""\b
Examples:
  genlora serve
  genlora serve --port 9000 --dtype bfloat16 --slots 64
  GENLORA_API_KEYS=$(cat key) genlora serve --host 0.0.0.0
"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; give keys with any other.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--keys", type=click.Path(path_type=Path), metavar="FILE", help=(
    "API keys, one a line; $GENLORA_API_KEYS adds more. With any, every route asks for one."
))  # fmt: skip
@click.option("--base", metavar="SOURCE", help="pypi:NAME, hf:ORG/NAME, a folder or .gguf.  [default: the bank's]")
@bank_option
@click.option("--embedder", metavar="SOURCE", help="Embedder the bank was made with, if not the default.")
@click.option("--generator", default="auto", show_default=True, help="What makes adapters where a request names none.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--dtype", type=click.Choice(_DTYPES), help="Of the base.  [default: float32 on cpu, bfloat16 on cuda]")
@click.option("--quantize", type=click.Choice(["int8", "int4", "nf4"]), help="Run the base quantised.")
@click.option("--slots", type=click.IntRange(1), default=32, show_default=True, help="Adapters side by side in memory.")
@click.option("--max-rank", type=click.IntRange(1, 256), default=16, show_default=True, help="Highest adapter rank.")
@click.option("--max-batch", type=click.IntRange(1), default=32, show_default=True, help="Answers written at once.")
@click.option("--max-length", type=click.IntRange(2), default=2048, show_default=True, help=(
    "Tokens of prompt and answer together."
))  # fmt: skip
@click.option("--max-waiting", type=click.IntRange(0), default=256, show_default=True, help=(
    "Answers that may wait; what comes on top is refused with 429."
))  # fmt: skip
@click.option("--max-adapters", type=click.IntRange(1), default=256, show_default=True, help=(
    "Generated adapters that are kept in memory."
))  # fmt: skip
@click.option(
    "--max-tokens", type=click.IntRange(1), default=1024, show_default=True, help="Longest answer, in tokens."
)
@click.option("--max-prompt", type=click.IntRange(1), default=64_000, show_default=True, help=(
    "Longest prompt, in characters."
))  # fmt: skip
@click.option("--max-body", type=click.IntRange(1), default=1 << 20, show_default=True, help=(
    "Largest request body, in bytes."
))  # fmt: skip
@click.option("--max-examples", type=click.IntRange(1, 512), default=64, show_default=True, help=(
    "Most examples an adapter is made from."
))  # fmt: skip
@click.option("--mixture", "mixtures", type=click.Path(path_type=Path), multiple=True, metavar="DIR", help=(
    "Serve this mixture too, as mixture:DIGEST; may be given several times. See: genlora bank mixture"
))  # fmt: skip
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True, help=(
    "Where a request names none; 0 is greedy."
))  # fmt: skip
@click.option("--drain", type=click.FloatRange(0.1), default=60.0, show_default=True, metavar="SECONDS", help=(
    "How long running answers may take to end after SIGTERM."
))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON once requests are answered.")
def serve(
    host: str,
    port: int,
    keys: Path | None,
    base: str | None,
    bank: Path | None,
    embedder: str | None,
    generator: str,
    device: str,
    dtype: str | None,
    quantize: str | None,
    max_adapters: int,
    max_tokens: int,
    max_prompt: int,
    max_body: int,
    max_examples: int,
    mixtures: tuple[Path, ...],
    temperature: float,
    drain: float,
    as_json: bool,
    **engine_options: int,
) -> None:
    """Serve the base, the bank's experts and generated adapters over HTTP.

    Speaks OpenAI's interface: a request's `model` is base, an expert of the bank, or the id that POST /v1/adapters
    gives for a description or a few examples. Requests that name different adapters run in one batch. SIGTERM or
    Ctrl-C lets running answers end and exits with 0; 143 means some were cut off. Needs the extra serve. See
    docs/serving.md.
    """
    from genlora.api import Library
    from genlora.engine import Engine
    from genlora.mixture import read_mixture
    from genlora.serve import HttpSettings, Keys, Limits, check_http, http_server

    check_http()
    limits = Limits(
        body_bytes=max_body, prompt_chars=max_prompt, max_tokens=max_tokens, examples=max_examples, drain_s=drain
    )
    settings = HttpSettings(host=host, port=port, keys=Keys.read(keys), limits=limits, temperature=temperature)
    mixed = [read_mixture(folder) for folder in mixtures]
    _quiet()
    from genlora.api import GenLora, base_source

    with progress_bars() as progress, GenLora(bank, embedder=embedder, generator=generator, progress=progress) as lora:
        _say("loading the base, the embedder and the generator")
        loaded = _load(base or base_source(lora.bank.layout.name), device, dtype, quantize, progress)
        with (
            Engine(loaded, **engine_options) as engine,
            Library(lora, base=loaded, max_adapters=max_adapters, mixtures=mixed) as library,
        ):
            library.warm()
            for mixture in mixed:
                _say(f"{mixture.key}: {', '.join(mixture.names)}")

            def ready(found: int) -> None:
                _greet(settings, found, loaded, lora.bank.names(), as_json=as_json)

            server = http_server(engine, library, settings, on_ready=ready)
            server.run()
    if server.cut_off:
        _say(f"{server.cut_off} answers were cut off after {drain:g} s")
        raise SystemExit(EXIT_CUT_OFF)
    _say("every answer has ended; bye")


def _load(source: str, device: str, dtype: str | None, quantize: str | None, progress: Show) -> LoadedBase:
    import torch

    from genlora.base import backend_named, load_base, load_quantized_base

    chosen = getattr(torch, dtype or ("bfloat16" if device.startswith("cuda") else "float32"))
    if quantize is None:
        return load_base(source, device=device, dtype=chosen, progress=progress)
    return load_quantized_base(source, backend_named(quantize), device=device, dtype=chosen, progress=progress)


def _quiet() -> None:
    """What a library warns of while it makes an adapter is in the client's answer; here it would repeat its words."""
    if logging.getLogger("genlora").level >= logging.WARNING:
        for name in ("genlora.api", "genlora.bank"):
            logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = logging.getLogger("genlora").handlers
        logger.propagate = False
        logger.setLevel(logging.WARNING)


def _greet(settings: HttpSettings, port: int, base: LoadedBase, experts: list[str], *, as_json: bool) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    key = ' -H "Authorization: Bearer $KEY"' if settings.keys else ""
    body = json.dumps({"model": experts[0] if experts else "base", "messages": [{"role": "user", "content": "Hello"}]})
    _say(f"{base.layout.name} and {len(experts)} experts are served on {url}")
    _say(f"try: curl {url}/v1/chat/completions -H 'Content-Type: application/json'{key} -d {shlex.quote(body)}")
    _say(
        "models: GET /v1/models; an adapter from a sentence: POST /v1/adapters; Ctrl-C ends it when answers have ended"
    )
    if not settings.local and not settings.keys:
        _say("warning: everybody who reaches this address can use it. Set keys: $GENLORA_API_KEYS or --keys FILE")
    if as_json:
        say_json({"url": url, "base": base.layout.name, "experts": len(experts), "keys": bool(settings.keys)})


def _say(text: str) -> None:
    click.echo(f"genlora: {plain(text)}", err=True)

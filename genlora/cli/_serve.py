"""`genlora serve`: an OpenAI-compatible server for the base, the bank's experts and generated adapters."""

from __future__ import annotations

import json
import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._progress import Show, progress_bars
from ._show import bank_option, say_json
from ._text import plain

if TYPE_CHECKING:
    from genlora.bank import Bank
    from genlora.base import LoadedBase
    from genlora.serve import HttpSettings

EXIT_CUT_OFF = 143
_OF_THE_ENGINE = ("slots", "max_rank", "max_batch", "max_length", "max_waiting", "products")
_LONGEST_SAMPLE = 80
"""Characters of an input that is suggested."""
_DTYPES = ("float32", "bfloat16", "float16")


@click.command(
    epilog="""\b
Examples:
  genlora serve
  genlora serve --port 9000 --dtype bfloat16 --slots 64
  GENLORA_API_KEYS=$(cat key) genlora serve --host 0.0.0.0 --keep adapters --audit audit.jsonl
"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; give keys with any other.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=(
        "API keys, one a line; $GENLORA_API_KEYS adds more. With any, every route but /health and /docs asks for one."
    ),
)
@click.option("--base", metavar="SOURCE", help="pypi:NAME, hf:ORG/NAME, a folder or .gguf.  [default: the bank's]")
@bank_option
@click.option("--embedder", metavar="SOURCE", help="Embedder the bank was made with, if not the default.")
@click.option("--generator", default="auto", show_default=True, help="What makes adapters where a request names none.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--dtype", type=click.Choice(_DTYPES), help="Of the base.  [default: float32 on cpu, bfloat16 on cuda]")
@click.option("--quantize", type=click.Choice(["int8", "int4", "nf4"]), help="Run the base quantised.")
@click.option(
    "--products",
    type=click.Choice(["auto", "plain"]),
    default="auto",
    show_default=True,
    help=(
        "auto takes packed weights (float16, or a GGUF Q4 base's own blocks) for short steps, where that is quicker on "
        "this machine; plain always the base's floats, whose answers do not depend on what else runs."
    ),
)
@click.option("--slots", type=click.IntRange(1), default=32, show_default=True, help="Adapters side by side in memory.")
@click.option("--max-rank", type=click.IntRange(1, 256), default=16, show_default=True, help="Highest adapter rank.")
@click.option("--max-batch", type=click.IntRange(1), default=32, show_default=True, help="Answers written at once.")
@click.option(
    "--max-length",
    type=click.IntRange(2),
    default=2048,
    show_default=True,
    help=("Tokens of prompt and answer together."),
)
@click.option(
    "--max-waiting",
    type=click.IntRange(0),
    default=256,
    show_default=True,
    help=("Answers that may wait; what comes on top is refused with 429."),
)
@click.option(
    "--adapter-memory",
    type=click.IntRange(1),
    default=288,
    show_default=True,
    metavar="MIB",
    help=(
        "Memory for adapters: half for those that clients made or brought, of which each key has an equal part, the "
        "rest for those in slots and the beginnings of their prompts."
    ),
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=("Keep these adapters in this folder too, so that they outlive the server."),
)
@click.option("--key-adapters", type=click.IntRange(1), metavar="N", help="Most adapters of one key.")
@click.option(
    "--key-tokens", type=click.IntRange(1), metavar="N", help=("Tokens a minute of one key, read and written.")
)
@click.option(
    "--max-tokens", type=click.IntRange(1), default=1024, show_default=True, help="Longest answer, in tokens."
)
@click.option(
    "--max-prompt", type=click.IntRange(1), default=64_000, show_default=True, help=("Longest prompt, in characters.")
)
@click.option(
    "--max-body", type=click.IntRange(1), default=1 << 20, show_default=True, help=("Largest request body, in bytes.")
)
@click.option(
    "--max-examples",
    type=click.IntRange(1, 512),
    default=64,
    show_default=True,
    help=("Most examples an adapter is made from."),
)
@click.option(
    "--max-upload",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    metavar="MIB",
    help=("Largest adapter that a client may bring."),
)
@click.option(
    "--connections",
    type=click.IntRange(1),
    default=1024,
    show_default=True,
    help=("Most connections at once; fewer where the process may not open that many files."),
)
@click.option(
    "--address-connections",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help=("Most connections of one address, which a reverse proxy is."),
)
@click.option(
    "--cors-origin",
    "cors_origins",
    multiple=True,
    metavar="ORIGIN",
    help=("Let pages of this origin ask, such as https://app.example.org; may be given several times."),
)
@click.option("--mcp", is_flag=True, help="Let agents ask by the Model Context Protocol, at /mcp. Needs the extra mcp.")
@click.option(
    "--audit",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=("Append a JSON line for each request to this file: who, what and how much, never what was said."),
)
@click.option(
    "--otel", is_flag=True, help=("Send OpenTelemetry spans to $OTEL_EXPORTER_OTLP_ENDPOINT. Needs the extra otel.")
)
@click.option(
    "--mixture",
    "mixtures",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help=("Serve this mixture too, as mixture:DIGEST; may be given several times. See: genlora bank mixture"),
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2),
    default=0.0,
    show_default=True,
    help=("Where a request names none; 0 is greedy."),
)
@click.option(
    "--drain",
    type=click.FloatRange(0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help=("How long running answers may take to end after SIGTERM."),
)
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON once requests are answered.")
def serve(
    base: str | None,
    bank: Path | None,
    embedder: str | None,
    generator: str,
    device: str,
    dtype: str | None,
    quantize: str | None,
    mixtures: tuple[Path, ...],
    keep: Path | None,
    adapter_memory: int,
    key_adapters: int | None,
    as_json: bool,
    **options: Any,
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
    from genlora.serve import check_http, give_memory_back, http_server, reserve

    give_memory_back()
    settings, memory = _settings(options), adapter_memory << 20
    check_http(settings)
    mixed = [read_mixture(folder) for folder in mixtures]
    bound = reserve(settings.host, settings.port)  # before anything slow: a taken port is told at once
    _quiet()
    from genlora.api import GenLora, base_source

    with (
        bound,
        progress_bars() as progress,
        GenLora(bank, embedder=embedder, generator=generator, progress=progress) as lora,
    ):
        _say("loading the base, the embedder and the generator")
        loaded = _load(base or base_source(lora.bank.layout.name), device, dtype, quantize, progress)
        with (
            Engine(
                loaded,
                adapter_bytes=3 * memory // 8,
                prefix_bytes=memory // 8,
                **{name: options[name] for name in _OF_THE_ENGINE},
            ) as engine,
            Library(
                lora,
                base=loaded,
                adapter_bytes=memory // 2,
                mixtures=mixed,
                keep=keep,
                owners=len(settings.keys),
                each=key_adapters,
            ) as library,
        ):
            library.warm()
            for mixture in mixed:
                _say(f"{mixture.key}: {', '.join(mixture.names)}")

            def ready(found: int) -> None:
                _greet(settings, found, loaded, lora.bank, as_json=as_json)

            server = http_server(engine, library, settings, bound=bound, on_ready=ready)
            server.run()
    if server.cut_off:
        _say(f"{server.cut_off} answers were cut off after {settings.limits.drain_s:g} s")
        raise SystemExit(EXIT_CUT_OFF)
    _say("every answer has ended; bye")


def _settings(options: dict[str, Any]) -> HttpSettings:
    from genlora.serve import HttpSettings, Keys, Limits

    limits = Limits(
        body_bytes=options["max_body"],
        prompt_chars=options["max_prompt"],
        max_tokens=options["max_tokens"],
        examples=options["max_examples"],
        upload_bytes=options["max_upload"] << 20,
        key_tokens=options["key_tokens"],
        connections=options["connections"],
        address_connections=options["address_connections"],
        drain_s=options["drain"],
    )
    same = {name: options[name] for name in ("host", "port", "temperature", "cors_origins", "mcp", "audit", "otel")}
    return HttpSettings(keys=Keys.read(options["keys"]), limits=limits, **same)


def _load(source: str, device: str, dtype: str | None, quantize: str | None, progress: Show) -> LoadedBase:
    import torch

    from genlora.base import backend_named, load_base, load_quantized_base

    chosen = getattr(torch, dtype or ("bfloat16" if device.startswith("cuda") else "float32"))
    if quantize is None:
        return load_base(source, device=device, dtype=chosen, lean=True, progress=progress)
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


def _greet(settings: HttpSettings, port: int, base: LoadedBase, bank: Bank, *, as_json: bool) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    key = ' -H "Authorization: Bearer $KEY"' if settings.keys else ""
    name, asked = _sample(bank)
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": asked}]})
    _say(f"{base.layout.name} and {len(bank)} experts are served on {url}")
    _say(f"try: curl {url}/v1/chat/completions -H 'Content-Type: application/json'{key} -d {shlex.quote(body)}")
    _say(f"all that can be asked: {url}/docs; an adapter from a sentence: POST /v1/adapters; Ctrl-C ends it")
    if not settings.local and not settings.keys:
        _say("warning: everybody who reaches this address can use it. Set keys: $GENLORA_API_KEYS or --keys FILE")
    if as_json:
        say_json({"url": url, "base": base.layout.name, "experts": len(bank), "keys": bool(settings.keys)})


def _sample(bank: Bank) -> tuple[str, str]:
    """An expert and an input that it was made for; the base and a greeting where there is none."""
    for record in bank.records():
        for sample in record.metrics.get("samples", ()):
            asked = sample.get("input") if isinstance(sample, dict) else None
            if isinstance(asked, str) and 0 < len(asked) <= _LONGEST_SAMPLE and asked.isprintable():
                return record.name, asked
    return "base", "Hello"


def _say(text: str) -> None:
    click.echo(f"genlora: {plain(text)}", err=True)

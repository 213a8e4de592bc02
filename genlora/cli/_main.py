"""The command `genlora`: a lazy group of verbs, one place where errors become one line and an exit code.

Nothing here imports torch or transformers: each verb lives in its own module, which is imported when it is called,
and imports what it needs inside its body.
"""

import importlib
import io
import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

import click

from genlora.errors import GenloraError, StorageError

from ._text import plain

_CHATTY = ("torchao", "bitsandbytes", "torch.utils._pytree", "transformers", "sentence_transformers", "diffusers")
"""Libraries that warn on import of kernels they lack, which nothing here uses."""

EXIT_ERROR = 2
EXIT_BUG = 70
EXIT_INTERRUPT = 130
EXIT_TERMINATED = 143


@dataclass(frozen=True)
class Entry:
    """Where a verb is, and its line in `genlora --help` (held equal to the command's own by a test)."""

    target: str
    help: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "From a sentence to an adapter": {
        "try": Entry("_try:try_command", "Generate an adapter for a sentence and show it beside the base"),
        "generate": Entry("_generate:generate", "Write a LoRA adapter for the task a description names"),
        "run": Entry("_run:run", "Answer inputs with the base, or with an adapter on it"),
        "merge": Entry("_merge:merge", "Merge an adapter into a (quantised) copy of its base"),
        "serve": Entry("_serve:serve", "Serve the base, the bank's experts and generated adapters over HTTP"),
        "demo": Entry("_demo:demo", "Open the demo: make, try, score and merge adapters in the browser"),
        "push": Entry("_push:push", "Hand an adapter to vLLM, SGLang, LoRAX, llama.cpp or Ollama"),
        "evaluate": Entry("_evaluate:evaluate", "Measure an adapter on own examples, or all methods on unseen tasks"),
        "verify": Entry("_verify:verify", "Check an adapter folder against its receipt and make it again"),
        "check-adapter": Entry("_check:check_adapter", "Check that FOLDER is a portable adapter, line by line"),
    },
    "From pictures to an adapter": {
        "try-image": Entry("pictures:try_image", "Show a subject, the base's picture and the personalised one"),
        "personalize": Entry("pictures:personalize", "Write a text-to-image LoRA from pictures of a subject"),
        "imagine": Entry("pictures:imagine", "Draw a picture from a prompt, with a subject's adapter or without"),
    },
    "The bank and its tasks": {
        "bank": Entry("bank:bank", "Make, fill and look after a bank of experts"),
        "train": Entry("train:train", "Train generators on a bank"),
        "methods": Entry("methods:methods", "List and explain the methods that experts are trained by"),
        "transfer": Entry("_transfer:transfer_command", "Move an expert or a bank to another base, without its data"),
        "federate": Entry("training._federate:federate_command", "Train one adapter over clients that keep their data"),
        "recipe": Entry("training._recipe:recipe", "Train by a recipe of several steps"),
        "sweep": Entry("training._sweep:sweep_command", "Compare training methods, each at its own best rate"),
        "tasks": Entry("_tasks:tasks", "List, show and sample the tasks experts are trained on"),
    },
    "This machine": {
        "doctor": Entry("_doctor:doctor", "Tell what is installed, cached and usable, and what to do about the rest"),
        "cache": Entry("_cache:cache", "List or clear fetched models and data"),
    },
}

COMMANDS: dict[str, Entry] = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Terminated(BaseException):
    """SIGTERM arrived: unwinds like Ctrl-C, so that half-written folders are removed on the way."""


class Root(click.Group):
    """A click group that imports a verb only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        return getattr(importlib.import_module(f"genlora.cli.{module}"), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the verbs nearest to an unknown one: click itself knows of those that are imported."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.help) for name, entry in section.items()])

    def main(self, args: Sequence[str] | None = None, *rest: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """As click's, but every error is one line on stderr and the process exits with the documented code."""
        if not standalone_mode:
            return super().main(args, *rest, standalone_mode=False, **extra)
        debug = "--debug" in (sys.argv[1:] if args is None else args)
        try:
            code = super().main(args, *rest, standalone_mode=False, **extra)
        except BaseException as err:
            if debug and not isinstance(err, SystemExit):
                logging.getLogger("genlora").debug("traceback", exc_info=err)
            _exit_for(err)
        sys.exit(code if isinstance(code, int) else 0)


def _exit_for(err: BaseException) -> NoReturn:
    """Turn what ended a command into a line and an exit code."""
    match err:
        case SystemExit() | click.exceptions.Exit():
            sys.exit(err.code if isinstance(err, SystemExit) else err.exit_code)
        case KeyboardInterrupt() | click.Abort():
            _say("interrupted; nothing half-written was left behind")
            sys.exit(EXIT_INTERRUPT)
        case Terminated():
            _say("terminated; nothing half-written was left behind")
            sys.exit(EXIT_TERMINATED)
        case GenloraError():
            _say(f"error: {err}")
            sys.exit(err.exit_code)
        case click.exceptions.NoArgsIsHelpError():
            err.show()  # a group alone: its help as it is
            sys.exit(EXIT_ERROR)
        case click.ClickException():
            hint = f" See: {err.ctx.command_path} --help" if isinstance(err, click.UsageError) and err.ctx else ""
            _say(f"error: {err.format_message()}{hint}")
            sys.exit(EXIT_ERROR)
        case BrokenPipeError():
            # The reader went away (`| head`). Point stdout elsewhere, or the interpreter complains once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(0)
        case OSError():
            _say(f"error: {storage_error(err)}")
            sys.exit(StorageError.exit_code)
        case MemoryError():
            _say("error: out of memory. Close other programs, or use a machine with more memory.")
            sys.exit(EXIT_ERROR)
    _say(f"internal error: {type(err).__name__}: {err}. This is a bug; run it again with --debug for the traceback.")
    sys.exit(EXIT_BUG)


def storage_error(err: OSError) -> StorageError:
    """An unexpected `OSError` in the words of the family: which file, what happened, what to do."""
    where = f"{err.filename}: " if err.filename else ""
    return StorageError(f"{where}{err.strerror or err}. Check the path, its permissions and the free space.")


def _say(message: str) -> None:
    click.echo(f"genlora: {plain(' '.join(message.split()))}", err=True)


class _Plain(logging.Formatter):
    """`genlora: level: message`, with whatever a log record quotes spelled out harmlessly."""

    def format(self, record: logging.LogRecord) -> str:
        return plain(super().format(record), multiline=True)


def _configure(verbose: bool, debug: bool) -> None:
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain("genlora: %(levelname)s: %(message)s"))
    for name in ("genlora", "genlora_app"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
    if not debug:
        # Other libraries' deprecations are for us, in the tests, and not for the person at the terminal.
        warnings.simplefilter("ignore")
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"genlora {version('genlora')}")
        ctx.exit()


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version")
@click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is being done, with times")
@click.option("--debug", is_flag=True, help="Log everything, and show a traceback when something fails")
def cli(verbose: bool, debug: bool) -> None:
    """Turn a sentence into a LoRA adapter: no data, no training, no GPU."""
    _configure(verbose, debug)


def _on_sigterm(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def main() -> None:
    """Entry point of the `genlora` script."""
    if sys.getfilesystemencoding() == "ascii" and not sys.flags.utf8_mode:
        # A C locale where Python was told to obey it: arguments and paths beyond ASCII would come as half surrogates.
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show is spelled out
    signal.signal(signal.SIGTERM, _on_sigterm)
    cli.main(prog_name="genlora")

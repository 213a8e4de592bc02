"""The command line: one thin file per verb group; `cli` is the click group, `main` the entry point."""

from ._main import cli as cli
from ._main import main as main

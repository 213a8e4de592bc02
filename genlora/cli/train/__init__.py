"""`genlora train ...`: one file for each generator, or for a few that belong together."""

from ._group import train as train

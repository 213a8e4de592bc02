"""`genlora methods`."""

from ._group import methods as methods

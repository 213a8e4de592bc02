"""`genlora bank ...`: one file for each verb, or for a few that belong together."""

from ._group import bank as bank

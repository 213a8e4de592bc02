"""Verbs that ask how good something is: evaluate, verify, and the tables that `auto` chooses by."""

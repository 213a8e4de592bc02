"""Bases of the Llama family without transformers: the same answers, read and asked in a third of the time."""

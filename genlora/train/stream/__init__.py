"""Fits on the stream of tasks: the few-shot adapter, and the hypernetwork over shared bases."""

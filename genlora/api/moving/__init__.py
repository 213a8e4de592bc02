"""Experts to another base: by inputs that a base makes up and the expert answers, or by projecting their weights."""

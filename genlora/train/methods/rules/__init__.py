"""How a step is taken."""

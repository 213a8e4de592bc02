"""`Draw` by its former place, for files that do not name `genlora.tasks` yet; goes with the last of them."""

from ._draw import Draw as Draw

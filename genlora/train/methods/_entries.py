"""Every method's file, imported once: each enters itself into its seam's table."""

# ruff: noqa: I001  the order is the one that lists show
from .inits import _common as _common
from .inits import _lora_ga as _lora_ga
from .inits import _lora_sb as _lora_sb
from .structures import _lora as _lora
from .structures import _xs as _xs
from .rules import _adamw as _adamw
from .allocation import _uniform as _uniform

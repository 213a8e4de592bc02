"""A base's products on a CPU, from weights that are packed for it."""

from ._packed import Packed as Packed
from ._packed import Products as Products
from ._short import ANY as ANY
from ._short import ShortLinears as ShortLinears

"""The small world, and the bank of servers for the library."""

from ..served_world import served_bank as served_bank
from ..served_world import served_base as served_base
from ..served_world import serving as serving
from ..small_world import bank_path as bank_path
from ..small_world import embedder as embedder
from ..small_world import embedder_path as embedder_path
from ..small_world import lora as lora
from ..small_world import world as world

"""The small world behind a server, in this process or in one of its own."""

from ..served_world import served as served
from ..served_world import served_bank as served_bank
from ..served_world import served_base as served_base
from ..served_world import server_process as server_process
from ..served_world import serving as serving
from ..small_world import embedder as embedder
from ..small_world import embedder_path as embedder_path

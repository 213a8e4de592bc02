from ..small_world import embedder as embedder
from ..small_world import embedder_path as embedder_path

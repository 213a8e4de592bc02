"""Many adapters in one batch on one base: requests go in, streams of tokens come out."""

from ._engine import Engine as Engine
from ._engine import EngineStats as EngineStats
from ._pool import Pool as Pool
from ._request import MAX_LOGPROBS as MAX_LOGPROBS
from ._request import Adapter as Adapter
from ._request import Completion as Completion
from ._request import Piece as Piece
from ._request import Rated as Rated
from ._request import Sampling as Sampling
from ._request import Stream as Stream
from ._request import Token as Token
from ._token_bytes import TokenBytes as TokenBytes
from .products import ANY as ANY
from .products import ShortLinears as ShortLinears

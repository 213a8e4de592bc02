"""Training methods compared, each over its own grid of learning rates."""

from ._pieces import Entrant as Entrant
from ._pieces import Outcome as Outcome
from ._pieces import Piece as Piece
from ._pieces import SweepConfig as SweepConfig
from ._pieces import begin_sweep as begin_sweep
from ._pieces import finished as finished
from ._pieces import only_part as only_part
from ._pieces import pieces_of as pieces_of
from ._pieces import run_piece as run_piece
from ._pieces import with_seeds as with_seeds
from ._run import run_pieces as run_pieces
from ._tables import Tables as Tables
from ._tables import curve_of as curve_of
from ._tables import tables as tables
from ._tables import tables_json as tables_json

"""Training: many experts on one frozen base, in the same batches."""

from ._config import ExpertConfig as ExpertConfig
from ._config import Progress as Progress
from ._experts import ExpertTrainer as ExpertTrainer
from ._experts import Tick as Tick
from ._experts import Trained as Trained
from ._experts import label_losses as label_losses
from ._packing import Batch as Batch
from ._packing import EncodedRows as EncodedRows
from ._packing import Row as Row
from ._packing import encode_rows as encode_rows
from ._packing import pack as pack
from ._packing import take as take
from ._stacked import Stack as Stack
from ._stacked import StackedLinear as StackedLinear
from ._stacked import common_start as common_start

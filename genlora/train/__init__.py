"""Training: many experts on one frozen base, in the same batches."""

from ._bayes import InnerConfig as InnerConfig
from ._bayes import Posterior as Posterior
from ._checkpoint import kept_checkpoints as kept_checkpoints
from ._config import ExpertConfig as ExpertConfig
from ._config import Progress as Progress
from ._cvae_data import CvaeFitConfig as CvaeFitConfig
from ._experts import ExpertTrainer as ExpertTrainer
from ._experts import Tick as Tick
from ._experts import Trained as Trained
from ._experts import label_losses as label_losses
from ._fit_abmll import AbmllFitConfig as AbmllFitConfig
from ._fit_abmll import fit_abmll as fit_abmll
from ._fit_cvae import fit_cvae as fit_cvae
from ._packing import Batch as Batch
from ._packing import EncodedRows as EncodedRows
from ._packing import Row as Row
from ._packing import encode_rows as encode_rows
from ._packing import pack as pack
from ._packing import take as take
from ._refine import RefinePrior as RefinePrior
from ._refine import refine as refine
from ._stacked import Stack as Stack
from ._stacked import StackedLinear as StackedLinear
from ._stacked import common_start as common_start

"""The training methods of the field by name; importing this fills the tables, in the order that lists show."""

from . import _entries as _entries
from ._config import MethodConfig as MethodConfig
from ._registry import AXES as AXES
from ._registry import SEAMS as SEAMS
from ._registry import Method as Method
from ._registry import Option as Option
from ._registry import all_methods as all_methods
from ._registry import methods_called as methods_called
from ._single import Single as Single
from ._single import SingleConfig as SingleConfig
from ._single import fit_single as fit_single
from ._single import linear_specs as linear_specs

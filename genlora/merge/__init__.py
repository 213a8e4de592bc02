"""Merging an adapter into a (quantised) base, and proving that nothing else changed."""

from ._gguf import GgufBase as GgufBase
from ._gguf import write_gguf as write_gguf
from ._merge import merge as merge
from ._merge import refuse_inside as refuse_inside
from ._probe import PROBE_TEXTS as PROBE_TEXTS
from ._probe import Drift as Drift
from ._probe import compare as compare
from ._probe import probe_set as probe_set
from ._probe import run_probe as run_probe
from ._report import MergeReport as MergeReport
from ._report import read_report as read_report
from ._routes import load_merged as load_merged

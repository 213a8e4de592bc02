"""Generators: from a request and its task embedding to an adapter, with neighbours, coverage and spread."""

from ._aggregate import AggregateGenerator as AggregateGenerator
from ._aggregate import Stopwatch as Stopwatch
from ._aggregate import check_emission as check_emission
from ._aggregate import check_parts as check_parts
from ._aggregate import combine as combine
from ._aggregate import one_thread as one_thread
from ._coverage import HIGH as HIGH
from ._coverage import LOW as LOW
from ._coverage import Calibration as Calibration
from ._coverage import Coverage as Coverage
from ._coverage import calibrate as calibrate
from ._coverage import products as products
from ._coverage import softmax as softmax
from ._coverage import spread_of as spread_of
from ._coverage import support_of as support_of
from ._protocol import AdapterGenerator as AdapterGenerator
from ._protocol import Contribution as Contribution
from ._protocol import Generated as Generated
from ._protocol import Library as Library
from ._protocol import Request as Request
from ._registry import DEFAULT_GENERATOR as DEFAULT_GENERATOR
from ._registry import GENERATORS as GENERATORS
from ._registry import generator_for as generator_for

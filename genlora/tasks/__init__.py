"""Tasks: values, sources, prompt formats and scoring."""

from ._task import Example as Example
from ._task import Metric as Metric
from ._task import Split as Split
from ._task import Task as Task
from ._task import sample as sample
from ._task import split_of as split_of

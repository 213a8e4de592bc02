"""The stream: endless tasks in which only the description says what is wanted."""

from ._held_out import is_far as is_far
from ._held_out import is_near as is_near
from ._parts import InputType as InputType
from ._parts import Operation as Operation
from ._parts import Value as Value
from ._registry import input_types as input_types
from ._registry import operations as operations
from ._spec import GROUP as GROUP
from ._spec import Spec as Spec
from ._spec import StreamSplit as StreamSplit
from ._spec import spec as spec

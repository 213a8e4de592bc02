"""How good an adapter is: answers, scores, intervals, admission into a bank."""

from ._admission import MAX_EXAMPLES as MAX_EXAMPLES
from ._admission import MIN_EXAMPLES as MIN_EXAMPLES
from ._admission import Admission as Admission
from ._admission import admit as admit
from ._answers import Answered as Answered
from ._answers import answer as answer
from ._answers import held_out as held_out
from ._answers import majority as majority
from ._answers import with_adapter as with_adapter
from ._statistics import Difference as Difference
from ._statistics import paired_difference as paired_difference

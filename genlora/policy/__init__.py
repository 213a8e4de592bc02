"""The local policy gate: stops descriptions that ask for a harmful adapter, and says as what."""

from ._classifier import SCALE as SCALE
from ._classifier import Classifier as Classifier
from ._classifier import Network as Network
from ._classifier import WordWeights as WordWeights
from ._evidence import FEATURES as FEATURES
from ._evidence import Evidence as Evidence
from ._evidence import evidence as evidence
from ._fold import fold as fold
from ._fold import sentences as sentences
from ._gate import Decision as Decision
from ._gate import Gate as Gate
from ._gate import gate as gate
from ._gate import override_reason as override_reason
from ._lexicon import Lexicon as Lexicon
from ._refusals import REFUSALS_FORMAT as REFUSALS_FORMAT
from ._refusals import RefusalDrift as RefusalDrift
from ._refusals import is_refusal as is_refusal
from ._refusals import refusal_prompts as refusal_prompts

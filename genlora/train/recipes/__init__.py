"""Recipes: several trainings that belong together."""

from ._advising import advising_task as advising_task
from ._scorers import domain_accuracy as domain_accuracy
from ._scorers import is_markdown as is_markdown
from ._scorers import markdown_rate as markdown_rate
from ._trackers import TRACKERS as TRACKERS
from ._trackers import Tracker as Tracker
from ._trackers import tracker_named as tracker_named
from ._two_phase import TwoPhase as TwoPhase
from ._two_phase import TwoPhaseConfig as TwoPhaseConfig
from ._two_phase import two_phase as two_phase

"""Text-to-image: from pictures of a subject to a LoRA, and from a prompt to pictures of it."""

from ._adapter import SubjectAdapter as SubjectAdapter
from ._adapter import check_subject_folder as check_subject_folder
from ._show import side_by_side as side_by_side
from ._show import unseen_subject as unseen_subject
from ._studio import EXAMPLE_PROMPT as EXAMPLE_PROMPT
from ._studio import Drawn as Drawn
from ._studio import ImageStudio as ImageStudio
from ._studio import default_images as default_images

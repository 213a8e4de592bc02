"""Evaluation of the image hypernetwork on subjects that no training has seen."""

from ._bench import PictureOptions as PictureOptions
from ._bench import hypernetwork_rows as hypernetwork_rows
from ._compared import at_equal_subject as at_equal_subject
from ._measures import Gallery as Gallery
from ._measures import Measured as Measured
from ._measures import judged as judged
from ._measures import over_subjects as over_subjects
from ._measures import read_vectors as read_vectors
from ._measures import retrieved as retrieved
from ._measures import shuffled as shuffled
from ._measures import spread as spread
from ._report import picture_columns as picture_columns
from ._report import picture_rows as picture_rows
from ._report import pictures_report as pictures_report
from ._run import PicturesEvaluated as PicturesEvaluated
from ._run import evaluate_pictures as evaluate_pictures

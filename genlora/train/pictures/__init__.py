"""Training of the text-to-image side: the miniature itself, its judge, the hypernetwork, a subject's own LoRA."""

from ._album import Album as Album
from ._album import PromptTable as PromptTable
from ._album import album_of as album_of
from ._album import draw_views as draw_views
from ._album import make_album as make_album
from ._batches import draw_batch as draw_batch
from ._fit_autoencoder import decibels as decibels
from ._fit_autoencoder import fit_autoencoder as fit_autoencoder
from ._fit_base import BaseFit as BaseFit
from ._fit_base import diffusion_loss as diffusion_loss
from ._fit_base import fit_base as fit_base
from ._fit_loras import fit_loras as fit_loras
from ._fit_loras import fit_rows as fit_rows
from ._fit_loras import refine_rows as refine_rows
from ._fit_loras import relaxed as relaxed
from ._fit_oracle import fit_oracle as fit_oracle
from ._fit_reading import fit_reading as fit_reading
from ._fit_reading import trunk_of as trunk_of
from ._fit_subject import SubjectFit as SubjectFit
from ._fit_subject import fit_subject as fit_subject
from ._resume import load_progress as load_progress
from ._resume import save_progress as save_progress

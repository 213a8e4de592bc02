"""The small text-to-image world."""

from ...image_world import album as album
from ...image_world import folders as folders
from ...image_world import image_folder as image_folder
from ...image_world import mini_pipeline as mini_pipeline
from ...image_world import models as models
from ...image_world import picture_encoder as picture_encoder
from ...image_world import sd15_pipeline as sd15_pipeline
from ...image_world import sdxl_pipeline as sdxl_pipeline
from ...image_world import tokenizer as tokenizer

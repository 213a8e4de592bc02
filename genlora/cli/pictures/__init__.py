"""`genlora personalize`, `genlora imagine` and `genlora try-image`: text-to-image."""

from ._evaluate import evaluate_images as evaluate_images
from ._imagine import imagine as imagine
from ._personalize import personalize as personalize
from ._try import try_image as try_image

"""A Stable Diffusion small enough to train on a laptop, the characters it draws, and the judge of its pictures."""

from ._critters import BACKGROUNDS as BACKGROUNDS
from ._critters import EXPRESSIONS as EXPRESSIONS
from ._critters import HELD_OUT_SUBJECTS as HELD_OUT_SUBJECTS
from ._critters import PALETTE as PALETTE
from ._critters import SCENE as SCENE
from ._critters import SUBJECT as SUBJECT
from ._critters import UNSEEN as UNSEEN
from ._critters import Picture as Picture
from ._critters import Renderer as Renderer
from ._critters import all_words as all_words
from ._critters import caption as caption
from ._critters import draw_scenes as draw_scenes
from ._critters import draw_subjects as draw_subjects
from ._critters import held_out as held_out
from ._model import LATENT_CHANNELS as LATENT_CHANNELS
from ._model import PRESETS as PRESETS
from ._model import MiniConfig as MiniConfig
from ._model import new_autoencoder as new_autoencoder
from ._model import new_scheduler as new_scheduler
from ._model import new_text_encoder as new_text_encoder
from ._model import new_tokenizer as new_tokenizer
from ._model import new_unet as new_unet
from ._model import preset as preset
from ._oracle import ATTRIBUTES as ATTRIBUTES
from ._oracle import Oracle as Oracle
from ._sprouts import Sprouts as Sprouts

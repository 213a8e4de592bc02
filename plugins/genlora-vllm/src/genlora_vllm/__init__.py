"""Adapters of genlora in vLLM: `model = "genlora:<digest>"` is found, checked and loaded when it is first asked for."""

from ._register import register as register
from ._settings import Settings as Settings
from ._settings import SettingsError as SettingsError

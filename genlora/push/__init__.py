"""Handing an adapter to another server, in the form that this server wants."""

from genlora.remote import Remote as Remote

from ._push import TARGETS as TARGETS
from ._push import Pushed as Pushed
from ._push import PushOptions as PushOptions
from ._push import push as push
from ._push import withdraw as withdraw
from ._store import DIGITS as DIGITS
from ._store import AdapterStore as AdapterStore
from ._store import content_digest as content_digest
from ._store import default_store as default_store

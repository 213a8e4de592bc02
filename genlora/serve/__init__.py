"""The HTTP service, in OpenAI's form: who may ask for what, and what comes back."""

from ._door import check_http as check_http
from ._door import http_server as http_server
from ._malloc import give_memory_back as give_memory_back
from ._settings import KEYS_VARIABLE as KEYS_VARIABLE
from ._settings import HttpSettings as HttpSettings
from ._settings import Keys as Keys
from ._settings import Limits as Limits
from .entrance._socket import reserve as reserve

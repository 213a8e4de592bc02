"""Rounds over clients that keep their data: adapters travel, and nothing else does."""

from ._client import Client as Client
from ._client import ClientConfig as ClientConfig
from ._folders import ClientFolder as ClientFolder
from ._folders import read_client as read_client
from ._folders import read_clients as read_clients
from ._rounds import Federated as Federated
from ._rounds import FederatedConfig as FederatedConfig
from ._rounds import Reply as Reply
from ._rounds import RoundReport as RoundReport
from ._rounds import Server as Server
from ._rounds import drive as drive
from ._rounds import run_rounds as run_rounds
from ._wire import KINDS as KINDS
from ._wire import Order as Order
from ._wire import Update as Update
from ._wire import same_base as same_base

"""Experts on disk: the store, the descriptions' embeddings and the index over them."""

from ._embedder import Embedded as Embedded
from ._embedder import TaskEmbedder as TaskEmbedder
from ._index import FlatIndex as FlatIndex
from ._index import Neighbour as Neighbour
from ._index import NeighbourIndex as NeighbourIndex
from ._record import ExpertRecord as ExpertRecord
from ._store import Bank as Bank
from ._store import BankFiles as BankFiles
from ._transaction import Transaction as Transaction

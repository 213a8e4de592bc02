"""Experts on disk: the store, the descriptions' embeddings, the index over them, codecs and checks."""

from ._card import expert_card as expert_card
from ._codec import CODECS as CODECS
from ._codec import Codec as Codec
from ._codec import product_error as product_error
from ._conform import conform as conform
from ._create import BankFiles as BankFiles
from ._embedder import Embedded as Embedded
from ._embedder import TaskEmbedder as TaskEmbedder
from ._export import ExportReport as ExportReport
from ._export import export_bank as export_bank
from ._index import FlatIndex as FlatIndex
from ._index import Neighbour as Neighbour
from ._index import NeighbourIndex as NeighbourIndex
from ._ingest import ImportItem as ImportItem
from ._ingest import ImportOptions as ImportOptions
from ._ingest import Outcome as Outcome
from ._ingest import import_adapter as import_adapter
from ._ingest import import_many as import_many
from ._ingest import read_manifest as read_manifest
from ._record import ExpertRecord as ExpertRecord
from ._store import Bank as Bank
from ._transaction import Transaction as Transaction
from ._verify import Damage as Damage
from ._verify import VerifyReport as VerifyReport
from ._verify import verify_bank as verify_bank

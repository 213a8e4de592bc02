"""A bank that many machines share: rows in PostgreSQL, vectors in pgvector, blobs where all can reach them."""

from ._pgvector import write_search as write_search
from ._postgres import PostgresDatabase as PostgresDatabase
from ._shared import create_shared as create_shared
from ._shared import open_shared as open_shared
from ._shared import shared_exists as shared_exists

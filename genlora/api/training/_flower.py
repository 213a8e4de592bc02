"""The same rounds over a real network, through Flower: a ServerApp and a ClientApp for `flwr run`.

Flower carries bytes: orders down, updates up, each a `ConfigRecord` with one entry. What they hold, and how it is
checked, is `genlora.train.federated`'s. Before the first round each node is asked who it is.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlora.base import fingerprint as fingerprint_of
from genlora.base import layout_of, load_base, resolve_base
from genlora.errors import ConfigError, GenloraError, TrainingError
from genlora.extras import require_extra
from genlora.train.federated import Client, ClientConfig, FederatedConfig, Reply, Server, drive, read_client, same_base

from .._scene import best_dtype
from ._federate import Kept, check_kept, with_description, write_federated

if TYPE_CHECKING:
    from flwr.app import Context, Message  # pyright: ignore[reportMissingImports]
    from flwr.clientapp import ClientApp  # pyright: ignore[reportMissingImports]
    from flwr.serverapp import Grid, ServerApp  # pyright: ignore[reportMissingImports]

log = logging.getLogger(__name__)

RECORD = "genlora"


def flower_client() -> "ClientApp":
    """A client: its node's config names `folder` (its examples), and may name `base` and `device`.

    Raises `MissingExtraError` without Flower.
    """
    require_extra("federate", "flwr", what="federated training over a network")
    from flwr.clientapp import ClientApp  # pyright: ignore[reportMissingImports]

    app = ClientApp()

    @app.query()
    def who(message: "Message", context: "Context") -> "Message":
        def about() -> bytes:
            folder, base, _ = _node(context)
            path = resolve_base(base)
            found = read_client(folder, layout_of(path))
            told = {"name": found.name, "rank": found.rank, "fingerprint": layout_of(path).fingerprint}
            told |= {"licences": list(found.licences), "descriptions": list(found.descriptions[:1])}
            return json.dumps(told).encode()

        return _reply(message, about)

    @app.train()
    def train(message: "Message", context: "Context") -> "Message":
        def update() -> bytes:
            folder, source, device = _node(context)
            base = load_base(source, device=device, dtype=best_dtype(device), attn_implementation="eager")
            base.model.requires_grad_(False)
            found = read_client(folder, base.layout)
            return Client(found.name, base, found.examples, rank=found.rank).answer(_bytes(message))

        return _reply(message, update)

    return app


def _node(context: "Context") -> tuple[Path, str | None, str]:
    """(folder, base, device) of a node's config."""
    config = context.node_config
    folder = config.get("folder")
    if not isinstance(folder, str):
        raise ConfigError("this node names no folder of examples. Start it with: --node-config 'folder=\"PATH\"'")
    return Path(folder), str(config["base"]) if config.get("base") else None, str(config.get("device", "cpu"))


def _reply(message: "Message", make: Any) -> "Message":
    """What `make` gives, or why it gives nothing: in words, not as a traceback on another machine."""
    from flwr.app import ConfigRecord, Message, RecordDict  # pyright: ignore[reportMissingImports]

    try:
        found = {"data": make()}
    except GenloraError as err:
        found = {"error": str(err)}
    return Message(RecordDict({RECORD: ConfigRecord(found)}), reply_to=message)


def _bytes(message: "Message") -> bytes:
    record = message.content.config_records.get(RECORD, {})
    data = record.get("data")
    if not isinstance(data, bytes):
        raise TrainingError(str(record.get("error", "holds nothing of genlora's")))
    return data


def flower_server() -> "ServerApp":
    """The server: `flwr run`'s config has `genlora federate`'s options, and `clients`, how many to wait for.

    Raises `MissingExtraError` without Flower.
    """
    require_extra("federate", "flwr", what="federated training over a network")
    from flwr.serverapp import ServerApp  # pyright: ignore[reportMissingImports]

    app = ServerApp()

    @app.main()
    def main(grid: "Grid", context: "Context") -> None:
        serve_rounds(grid, context.run_config)

    return app


def serve_rounds(grid: "Grid", settings: Mapping[str, Any]) -> None:
    """All rounds over a Flower grid, and the adapter folder at their end."""
    path = resolve_base(settings.get("base") or None)
    layout, identity = layout_of(path), fingerprint_of(path)
    kept = Kept(Path(str(settings["output"])), bool(settings.get("force", False)))
    check_kept(kept, identity)
    nodes = _nodes(grid, int(settings.get("clients", 2)), float(settings.get("patience-s", 120)))
    about = {n: json.loads(data) for n, data in _asked(grid, {n: b"" for n in nodes}, "query", "0")}
    names = {str(told["name"]): node for node, told in about.items()}
    if len(names) != len(nodes):
        raise TrainingError(f"{len(nodes)} nodes have {len(names)} names. Call their folders differently.")
    for told in about.values():
        same_base(told["fingerprint"], layout, f"client {told['name']}")
    config = with_description(_config(settings), [d for told in about.values() for d in told["descriptions"]])
    run = Path(str(settings.get("run") or f"{kept.folder}.run"))
    server = Server(layout, config, {str(t["name"]): t["rank"] for t in about.values()}, run)

    def ask(order: bytes, wanted: Sequence[str]) -> Iterator[Reply]:
        back = {node: name for name, node in names.items()}
        for node, data in _asked(grid, {names[n]: order for n in wanted}, "train", str(server.number + 1)):
            yield back[node], data

    result = drive(server, ask, on_round=lambda r: log.info("round %d: loss %.3f before it", r.number + 1, r.loss))
    licences = sorted({x for told in about.values() for x in told["licences"]})
    write_federated(result, kept, config, layout, identity, licences)
    log.info("%s: written", kept.folder)


def _config(settings: Mapping[str, Any]) -> FederatedConfig:
    def number(key: str, default: float) -> Any:
        return type(default)(settings.get(key, default))

    client = ClientConfig(
        steps=number("steps", 0),
        epochs=number("epochs", 1),
        rank=number("rank", 8),
        lr=number("lr", 2e-3),
        targets=tuple(str(settings.get("targets", "q_proj,v_proj")).split(",")),
        described=bool(settings.get("described", False)),
        description=str(settings.get("description", "")),
        max_tokens=number("max-tokens", 256),
        seed=number("seed", 0),
    )
    text = str(settings.get("options", ""))
    options = {k: float(v) for k, _, v in (part.partition("=") for part in text.split(",") if part)}
    return FederatedConfig(
        rounds=number("rounds", 3),
        aggregate=str(settings.get("aggregate", "flora")),
        options=options,
        client=client,
        least=number("least", 0),
    )


def _nodes(grid: "Grid", wanted: int, patience_s: float) -> list[int]:
    """The nodes that are there, once there are enough. Raises `TrainingError` where they do not come."""
    import time

    until = time.monotonic() + patience_s
    while len(found := list(grid.get_node_ids())) < wanted:
        if time.monotonic() > until:
            raise TrainingError(f"{len(found)} nodes came in {patience_s:.0f} s, expected {wanted}. Start the others.")
        time.sleep(0.5)
    return found


def _asked(grid: "Grid", orders: Mapping[int, bytes], kind: str, group: str) -> Iterator[tuple[int, Any]]:
    """(node, bytes, or why there are none) of each node that answers. A query that fails is raised."""
    from flwr.app import ConfigRecord, Message, RecordDict  # pyright: ignore[reportMissingImports]

    messages = [
        Message(RecordDict({RECORD: ConfigRecord({"data": data})}), node, kind, group_id=group)
        for node, data in orders.items()
    ]
    for reply in grid.send_and_receive(messages):
        node = reply.metadata.src_node_id
        if reply.has_error():
            found: bytes | str = f"its process failed ({reply.error.reason})"
        else:
            try:
                found = _bytes(reply)
            except TrainingError as err:
                found = str(err)
        if kind == "query" and isinstance(found, str):
            raise TrainingError(f"a client cannot take part: {found}")
        yield node, found

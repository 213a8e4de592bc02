"""What hatchling asks when it builds: a wheel carries bank, generators and the miniature; an editable install reads the
checkout's.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShippedData(BuildHookInterface):
    """Lays `checkpoints/` into the wheel as `genlora/_data/`, where `genlora.api` looks for it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is `standard` or `editable`."""
        if version == "standard":
            for name in ("bank", "embedder", "generators", "images"):
                build_data["force_include"][f"checkpoints/{name}"] = f"genlora/_data/{name}"

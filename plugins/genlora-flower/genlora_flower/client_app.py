"""What a SuperNode runs: it trains on its own folder."""

from genlora.api import flower_client

app = flower_client()

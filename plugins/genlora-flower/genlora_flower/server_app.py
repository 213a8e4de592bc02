"""What the SuperLink runs: rounds of orders and updates."""

from genlora.api import flower_server

app = flower_server()

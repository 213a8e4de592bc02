"""The demo: describe a task, see where it stands, talk to both models, download, score, merge. Needs `genlora[demo]`.

It talks to the rest of genlora through public names only.
"""

from ._asking import Exchange as Exchange
from ._launch import DemoOptions as DemoOptions
from ._launch import Running as Running
from ._launch import serve_demo as serve_demo
from ._page import build as build
from ._studio import Studio as Studio

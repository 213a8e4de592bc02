"""The page of `genlora demo` as a Hugging Face Space: open to everybody, and shown in the hub's frame."""

from os import environ
from threading import Event

from genlora_app import DemoOptions, serve_demo

host, port = environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), int(environ.get("GRADIO_SERVER_PORT", "7860"))
options = DemoOptions(host=host, port=port, public=True, framed_by="https://huggingface.co")
with serve_demo(options, say=print) as running:
    print(running.url, flush=True)
    Event().wait()

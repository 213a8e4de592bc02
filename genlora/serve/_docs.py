"""What the server says of itself: an OpenAPI document, and a page made of it that asks nobody else for anything."""

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from genlora.versions import versions

PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_REFERENCE = "#/components/schemas/{model}"
_ABOUT = (
    "A base, the experts of a bank, and adapters made from sentences, in OpenAI's form. Where keys are set, send one "
    "as Authorization: Bearer KEY."
)
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code { font-size: .9em } h2 { margin: 2.5rem 0 .25rem; font-size: 1.1rem } p { margin: .25rem 0 .75rem }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid #8884; padding: .3rem .75rem .3rem 0 }
td { vertical-align: top } td:first-child { white-space: nowrap } .kind { opacity: .7; white-space: nowrap }
"""


def takes(kind: type[BaseModel]) -> dict[str, Any]:
    """For a route's `openapi_extra`: its body is `kind` as JSON."""
    schema = {"$ref": _REFERENCE.format(model=kind.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def openapi(app: FastAPI, bodies: list[type[BaseModel]]) -> dict[str, Any]:
    """The OpenAPI document of the routes of `app`, which take `bodies`."""
    found = get_openapi(title="genlora", version=versions()["genlora"], description=_ABOUT, routes=app.routes)
    _, schemas = models_json_schema([(b, "validation") for b in bodies], ref_template=_REFERENCE)
    parts = found.setdefault("components", {})
    parts.setdefault("schemas", {}).update(schemas["$defs"])
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for methods in found["paths"].values():
        for route in methods.values():
            route["responses"].pop("422", None)  # faults are 400, in OpenAI's form
    return found


def page(document: Mapping[str, Any]) -> str:
    """The document as a page without scripts."""
    body = "\n".join(_route(document, *r) for r in _routes(document))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>genlora</title><style>{_STYLE}</style>"
        f"<h1>genlora {html.escape(document['info']['version'])}</h1><p>{html.escape(_ABOUT)}</p>"
        f"<p>The same for programs: <a href=openapi.json>openapi.json</a>.</p>\n{body}</html>\n"
    )


def _routes(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            yield method.upper(), path, route


def _route(document: Mapping[str, Any], method: str, path: str, route: Mapping[str, Any]) -> str:
    rows = [_row(p["name"], p.get("schema", {}), p.get("description", "")) for p in route.get("parameters", ())]
    content = route.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        schema = _resolved(document, body.get("schema", {}))
        rows += [_row(n, s, s.get("description", "")) for n, s in schema.get("properties", {}).items()]
        rows += [] if schema.get("properties") else [_row(kind, {}, schema.get("description", ""))]
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    about = html.escape(route.get("description", ""))
    return f"<h2><code>{method} {html.escape(path)}</code></h2><p>{about}</p>{table}"


def _row(name: str, schema: Mapping[str, Any], about: str) -> str:
    cells = (f"<code>{html.escape(name)}</code>", f"<span class=kind>{html.escape(_kind(schema))}</span>")
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in (*cells, html.escape(about))) + "</tr>"


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_kind(s) for s in options if s.get("type") != "null"))
    if "enum" in schema or "const" in schema:
        return " or ".join(json.dumps(v) for v in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {})) or 'anything'}"
    return str(schema.get("type", ""))


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    return document["components"]["schemas"].get(str(schema["$ref"]).rpartition("/")[2], {})

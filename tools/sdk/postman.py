"""`sdk/postman.json`: the routes of the document as a Postman collection, format 2.1.

Its variables are `url` and `key`; a key is a secret, so keep its value as a current value, or in the vault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tools.sdk.schema import Schema, name

_FORMAT: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_JSON: Final = "application/json"

_EXAMPLES: Final = {
    "symbol": "WTI",
    "zone": "DE-LU",
    "name": "load",
    "start": "2015-01-01T00:00:00Z",
    "end": "2015-02-01T00:00:00Z",
    # Of a link, which is given out whole.
    "expires": "1767225600",
    "signature": "0" * 64,
}
"""Values of parameters that have to be given."""
_BODIES: Final[dict[str, Any]] = {
    "curves": {
        "resolution": "P1D",
        "quotes": [{"period": "2027-01", "price": 82}, {"period": "2027-Q1", "price": 74}],
    }
}
"""Operation → a body."""


def text(document: Schema) -> str:
    """The collection, as its file holds it."""
    collection = {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": _FORMAT,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}]},
        "variable": [{"key": "url", "value": "https://api.example.org"}, {"key": "key", "value": ""}],
        "item": [
            _request(document, path, verb, operation)
            for path, methods in document["paths"].items()
            for verb, operation in methods.items()
        ],
    }
    return json.dumps(collection, indent=1, ensure_ascii=False) + "\n"


def _request(document: Schema, path: str, verb: str, operation: Schema) -> dict[str, Any]:
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    query = [_parameter(one) for one in operation.get("parameters", ()) if one["in"] == "query"]
    asked = "&".join(f"{one['key']}={one['value']}" for one in query if not one["disabled"])
    url: dict[str, Any] = {
        "raw": "{{url}}/" + "/".join(parts) + (f"?{asked}" if asked else ""),
        "host": ["{{url}}"],
        "path": parts,
        "query": query,
    }
    if variables := [one for one in operation.get("parameters", ()) if one["in"] == "path"]:
        url["variable"] = [{"key": one["name"], "value": ""} for one in variables]
    request: dict[str, Any] = {
        "method": verb.upper(),
        "url": url,
        "description": operation.get("description") or operation.get("summary", ""),
    }
    if _JSON in (content := operation.get("requestBody", {}).get("content", {})):
        body = _BODIES.get(operation["operationId"]) or dict(_required(document, content[_JSON]["schema"]))
        request["header"] = [{"key": "Content-Type", "value": _JSON}]
        request["body"] = {
            "mode": "raw",
            "raw": json.dumps(body, indent=1),
            "options": {"raw": {"language": "json"}},
        }
    return {"name": operation.get("summary", path), "request": request, "response": []}


def _parameter(one: Schema) -> dict[str, Any]:
    default = one["schema"].get("default", "")
    return {
        "key": one["name"],
        "value": _EXAMPLES.get(one["name"], str(default)) if one["required"] else str(default),
        "description": one.get("description", ""),
        "disabled": not one["required"],
    }


def _required(document: Schema, schema: Schema) -> Iterator[tuple[str, Any]]:
    """Fields that a body has to have, each empty: of a route that has no example here."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][name(schema["$ref"])]
    for field in schema.get("required", ()):
        yield field, ""

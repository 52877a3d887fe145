"""A small issuer of access tokens: real keys, and its description and public keys over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "carbon-data-api"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """Attributes:
    published: signing keys by id, as its JWKS has them; a test adds and removes.
    asked: paths that were asked for.
    away: whether it answers 503.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.published: dict[str, rsa.RSAPrivateKey] = {"one": new_key()}
        self.asked: list[str] = []
        self.away = False

    def token(self, *, kid: str = "one", key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        """A token of a viewer of pilot-one, unless claims say otherwise; None leaves a claim out."""
        now = datetime.now(UTC)
        full = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "tenant": "pilot-one",
            "roles": ["viewer"],
            "iat": now,
            "exp": now + timedelta(minutes=5),
            **claims,
        }
        body = {name: value for name, value in full.items() if value is not None}
        signed_with = self.published[kid] if key is None else key
        return jwt.encode(body, signed_with, algorithm=algorithm, headers={"kid": kid})

    def answer(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if self.away:
            return None
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            public = [
                json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}
                for kid, key in self.published.items()
            ]
            return {"keys": [{"kty": "unheard-of", "kid": "odd"}, *public]}
        return None


@contextmanager
def running() -> Iterator[Issuer]:
    """An issuer on a port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuer.answer(self.path)
            self.send_response(503 if found is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found or {}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()

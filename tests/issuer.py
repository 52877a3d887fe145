"""An OpenID Connect issuer for tests: whoever comes is the person that it was told, at once."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, redirect, request
from jwt.algorithms import RSAAlgorithm
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

CLIENT = "dashboards"


@dataclass
class Issuer:
    """Attributes:
    url: below which its document is.
    person: claims of who logs in next.
    audience: of the tokens that it gives.
    asked: each code → what its client asked with.
    """

    url: str = ""
    person: dict[str, Any] = field(default_factory=dict[str, Any])
    audience: str = CLIENT
    asked: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])


@contextmanager
def issuer() -> Iterator[Issuer]:
    """One that runs on this machine."""
    told, app = Issuer(), Flask(__name__)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = {
        **RSAAlgorithm.to_jwk(key.public_key(), as_dict=True),
        "kid": "one",
        "alg": "RS256",
        "use": "sig",
    }

    @app.get("/.well-known/openid-configuration")
    def document() -> dict[str, Any]:
        return {
            "issuer": told.url,
            "authorization_endpoint": f"{told.url}/authorize",
            "token_endpoint": f"{told.url}/token",
            "jwks_uri": f"{told.url}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [public]}

    @app.get("/authorize")
    def authorize() -> Response:
        code = f"code-{len(told.asked)}"
        told.asked[code] = request.args.to_dict()
        answer = urlencode({"code": code, "state": request.args["state"]})
        return redirect(f"{request.args['redirect_uri']}?{answer}")

    @app.post("/token")
    def token() -> tuple[dict[str, Any], int] | dict[str, Any]:
        asked = told.asked[request.form["code"]]
        proof = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != asked.get("code_challenge"):
            return {"error": "invalid_grant"}, 400
        now = int(time.time())
        claims = {"iss": told.url, "aud": told.audience, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        signed = jwt.encode({**claims, **told.person}, key, "RS256", {"kid": "one"})
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": signed, "expires_in": 60}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    told.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

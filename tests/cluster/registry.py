"""Program: a container registry that holds what is pushed to it in memory. usage: registry.py PORT"""

import hashlib
import re
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})")
MANIFEST = re.compile(r"/v2/(.+)/manifests/(.+)")
UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/(.*)")


class Registry(BaseHTTPRequestHandler):
    """The part of the distribution protocol that pushing and pulling an image needs."""

    protocol_version = "HTTP/1.1"
    blobs: ClassVar[dict[str, bytes]] = {}
    manifests: ClassVar[dict[tuple[str, str], tuple[str, bytes]]] = {}
    uploads: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        if self.path == "/v2/":
            self._answer(200)
        elif found := BLOB.fullmatch(self.path):
            self._send(found[2], "application/octet-stream", self.blobs.get(found[2]))
        elif found := MANIFEST.fullmatch(self.path):
            kind, body = self.manifests.get((found[1], found[2]), ("", None))
            self._send(f"sha256:{hashlib.sha256(body or b'').hexdigest()}", kind, body)
        else:
            self._answer(404)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self._body()
        upload = str(uuid.uuid4())
        self.uploads[upload] = b""
        self._answer(202, {"Location": urlsplit(self.path).path + upload})

    def do_PATCH(self) -> None:
        found = UPLOAD.fullmatch(self.path)
        assert found
        self.uploads[found[2]] += self._body()
        self._answer(202, {"Location": self.path, "Range": f"0-{len(self.uploads[found[2]]) - 1}"})

    def do_PUT(self) -> None:
        target = urlsplit(self.path)
        if found := UPLOAD.fullmatch(target.path):
            digest = parse_qs(target.query)["digest"][0]
            self.blobs[digest] = self.uploads.pop(found[2]) + self._body()
        else:
            found = MANIFEST.fullmatch(target.path)
            assert found
            body = self._body()
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            for reference in (found[2], digest):
                self.manifests[found[1], reference] = (self.headers["Content-Type"], body)
        self._answer(201, {"Location": target.path, "Docker-Content-Digest": digest})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, digest: str, kind: str, body: bytes | None) -> None:
        if body is None:
            self._answer(404)
        else:
            self._answer(200, {"Content-Type": kind, "Docker-Content-Digest": digest}, body)

    def _answer(self, code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Registry).serve_forever()

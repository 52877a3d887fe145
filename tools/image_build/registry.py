"""What a container registry has, and copies from one of its repositories to another: no engine is needed.

It is spoken to as the OCI distribution specification says, with the credentials that `docker login` left.
"""

import base64
import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

from tools.errors import ToolError, UsageError

_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_REFERENCE = re.compile(
    r"(?P<host>[^/]+)/(?P<path>[^:@]+)(:(?P<tag>[\w.-]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_LOCAL = re.compile(r"(localhost|127(\.\d+){3})(:\d+)?")
_TIMEOUT = 300.0


@dataclass(frozen=True)
class Reference:
    """An image in a registry: a tag, a digest, or both."""

    host: str
    path: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """`host/path:tag@digest`, of which tag or digest may be left out.

        Raises:
            UsageError: it is none.
        """
        found = _REFERENCE.fullmatch(text)
        if found is None or not (found["tag"] or found["digest"]):
            raise UsageError(
                f"{text!r} is no image in a registry.", remedy="host/path:tag, host/path@sha256:… or both"
            )
        return cls(found["host"], found["path"], found["tag"] or "", found["digest"] or "")

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.path}{tag}{digest}"

    @property
    def _base(self) -> str:
        # As docker does, a registry on this machine is spoken to without TLS.
        scheme = "http" if _LOCAL.fullmatch(self.host) else "https"
        return f"{scheme}://{self.host}/v2/{self.path}"

    def manifest_url(self, which: str) -> str:
        """Where a manifest is, by digest or tag."""
        return f"{self._base}/manifests/{which}"

    def blob_url(self, digest: str) -> str:
        """Where a layer or a configuration is."""
        return f"{self._base}/blobs/{digest}"

    @property
    def uploads_url(self) -> str:
        """Where an upload begins."""
        return f"{self._base}/blobs/uploads/"


def digest(reference: Reference) -> str | None:
    """Digest of what a tag names; None if the repository has no such tag.

    Raises:
        ToolError: the registry refuses the credentials or does not answer.
    """
    url = reference.manifest_url(reference.tag)
    answer = _ask(reference, "HEAD", url, {"Accept": ", ".join(_MANIFESTS)}, missing_is_none=True)
    return answer.headers["Docker-Content-Digest"] if answer else None


def copy(source: Reference, target: Reference) -> None:
    """Copy the manifest with the source's digest, and all that it names, to the target's repository and tag.

    What the target has already is not sent again. The manifest's bytes stay the same, and so its digest.

    Raises:
        ToolError: a registry refuses the credentials, does not answer, or has no such image or repository.
    """
    _copy_manifest(source, target, source.digest, target.tag)


def _copy_manifest(source: Reference, target: Reference, which: str, name: str) -> None:
    got = _must(_ask(source, "GET", source.manifest_url(which), {"Accept": ", ".join(_MANIFESTS)}))
    body = got.read()
    manifest: dict[str, Any] = json.loads(body)
    for inner in manifest.get("manifests", []):
        _copy_manifest(source, target, inner["digest"], inner["digest"])
    for blob in [*manifest.get("layers", []), *filter(None, [manifest.get("config")])]:
        _copy_blob(source, target, blob["digest"])
    kind = {"Content-Type": got.headers["Content-Type"]}
    _ask(target, "PUT", target.manifest_url(name), kind, data=body)


def _copy_blob(source: Reference, target: Reference, which: str) -> None:
    if _ask(target, "HEAD", target.blob_url(which), {}, missing_is_none=True):
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(_must(_ask(source, "GET", source.blob_url(which), {})), file)
        length = file.tell()
        file.seek(0)
        begun = _must(_ask(target, "POST", target.uploads_url, {"Content-Length": "0"}, data=b""))
        place = urljoin(target.uploads_url, begun.headers["Location"])
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        sent = _must(_ask(target, "PATCH", place, headers, data=file))
    place = urljoin(target.uploads_url, sent.headers["Location"])
    place = f"{place}{'&' if '?' in place else '?'}digest={which}"
    _ask(target, "PUT", place, {"Content-Length": "0"}, data=b"")


def _ask(
    reference: Reference,
    method: str,
    url: str,
    headers: dict[str, str],
    *,
    data: bytes | IO[bytes] | None = None,
    missing_is_none: bool = False,
) -> HTTPResponse | None:
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 — http or https
    if credentials := _credentials(reference.host):
        # Not for where a registry redirects to: a storage with a signed address refuses a second signature.
        request.add_unredirected_header("Authorization", f"Basic {credentials}")
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 404 and missing_is_none:
            return None
        remedy = {
            401: f"docker login {reference.host}",
            403: f"docker login {reference.host}, as somebody who may do this",
            404: f"{reference.host} has no repository or image {reference.path}: make it first.",
        }.get(error.code, "")
        raise ToolError(
            f"{reference.host} answers {error.code} to {method} {reference}", remedy=remedy
        ) from error
    except OSError as error:
        raise ToolError(
            f"{reference.host} does not answer: {error}", remedy="Check the registry's name and the network."
        ) from error


def _must(answer: HTTPResponse | None) -> HTTPResponse:
    assert answer is not None, "only a question that may be missed answers nothing"
    return answer


def _credentials(host: str) -> str | None:
    """User and password, in base64, that `docker login` left for a host."""
    directory = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker"))
    try:
        config: dict[str, Any] = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if host in config.get("credHelpers", {}) or config.get("credsStore"):
        raise UsageError(
            f"The password for {host} is with a credential helper, which is not asked here.",
            remedy="Log in with DOCKER_CONFIG set to an empty directory, and run the same again.",
        )
    held = config.get("auths", {}).get(host, {}).get("auth")
    # Decoded and encoded again, so that what is no base64 fails here and not at the registry.
    return base64.b64encode(base64.b64decode(held, validate=True)).decode() if held else None

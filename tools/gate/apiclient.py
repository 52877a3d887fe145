"""What is asked of the gate's API server, and what it answers."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from tools import proc
from tools.errors import CommandFailed, ToolError
from tools.gate.crds import Kind, kind_of

T = TypeVar("T")
R = TypeVar("R")
FIELD_MANAGER = "carbon-gate"

HOST = "127.0.0.1"
LIMIT = 60.0
"""Seconds until the server must answer; a busy machine takes ten."""
POLL = 0.05
_TRIES = 3
_UNANSWERED = (OSError, http.client.HTTPException)
_AT_ONCE = 4
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Answer:
    """What the server says of an object.

    Attributes:
        ok: whether it takes it.
        message: why not, in the server's words; empty when it does.
        warnings: what it says though it takes it: a deprecated field, a pod that its namespace would refuse.
    """

    ok: bool
    message: str = ""
    warnings: tuple[str, ...] = ()


@dataclass
class ApiServer:
    """A running server; made by `running`.

    Attributes:
        kubeconfig: a file that gives a client every right on it.
    """

    port: int
    token: str
    kubeconfig: Path
    _tls: ssl.SSLContext
    _kubectl: Path
    _resources: dict[tuple[str, Kind], tuple[str, bool]] = field(default_factory=dict[Any, Any])
    _local: threading.local = field(default_factory=threading.local)

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl as the server's administrator and return what it prints.

        Raises:
            CommandFailed: with what it printed.
        """
        return proc.output([self._kubectl, "--kubeconfig", self.kubeconfig, *args], stdin=stdin)

    def install(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Create custom resource definitions, and return when their kinds are served.

        Raises:
            ToolError: the server refuses one, or does not serve it in time.
        """
        chosen = list(definitions)
        self._each(self._create_definition, chosen)
        self._each(self._await_definition, chosen)

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> Answer:
        """Apply an object on the server's side, unknown and repeated fields refused."""
        path = self._path(manifest)
        if isinstance(path, Answer):
            return path
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        content = "application/apply-patch+yaml"
        return _answer(self._ask("PATCH", f"{path}?{urlencode(query)}", manifest, content=content))

    def apply_all(self, manifests: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> list[Answer]:
        """`apply` for several objects, a few at a time; the answers stand in the objects' order."""
        return self._each(lambda manifest: self.apply(manifest, dry_run=dry_run), manifests)

    def get(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The object of this kind and name as it is on the server.

        Raises:
            KeyError: it is not there.
        """
        path = self._path(manifest)
        reply = None if isinstance(path, Answer) else self._ask("GET", path)
        if reply is None or reply.code != http.HTTPStatus.OK:
            raise KeyError(manifest.get("metadata", {}).get("name"))
        return reply.body

    def discover(self) -> None:
        """Learn which kinds the server has of its own."""
        for path in ("/api", "/apis"):
            reply = self._ask("GET", path, accept=_DISCOVERY)
            for group in reply.body["items"]:
                name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    served = f"{name}/{version['version']}" if name else version["version"]
                    for r in version["resources"]:
                        key = served, (name, r["responseKind"]["kind"])
                        self._resources[key] = r["resource"], r["scope"] == "Namespaced"

    def ready(self) -> bool:
        """Whether it answers, with all that it starts with in place."""
        try:
            return self._ask_once("GET", "/readyz").code == http.HTTPStatus.OK
        except _UNANSWERED:
            return False

    def _path(self, manifest: Mapping[str, Any]) -> str | Answer:
        """Where an object is on the server, or why it cannot be there."""
        version, name = str(manifest.get("apiVersion", "")), manifest.get("metadata", {}).get("name")
        kind = kind_of(manifest)
        if not name:
            return Answer(ok=False, message="metadata.name: Required value: an object is applied by its name")
        resource = self._resources.get((version, kind))
        if resource is None:
            return Answer(ok=False, message=f'no matches for kind "{kind[1]}" in version "{version}"')
        plural, namespaced = resource
        namespace = manifest["metadata"].get("namespace", "default") if namespaced else None
        return f"{_prefix(version)}/{_scope(namespace)}{plural}/{quote(name)}"

    def _create_definition(self, definition: Mapping[str, Any]) -> None:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        reply = self._ask("POST", path, definition)
        if reply.code not in (http.HTTPStatus.CREATED, http.HTTPStatus.CONFLICT):
            name = definition["metadata"]["name"]
            raise CommandFailed(["create", name], 1, output=str(reply.body.get("message", reply.body)))

    def _await_definition(self, definition: Mapping[str, Any]) -> None:
        spec = definition["spec"]
        group, names = spec["group"], spec["names"]
        for version in (v["name"] for v in spec["versions"] if v["served"]):
            served = f"{group}/{version}"
            path = f"{_prefix(served)}/{names['plural']}?limit=1"
            end = time.monotonic() + LIMIT
            while (reply := self._ask("GET", path)).code != http.HTTPStatus.OK:
                if time.monotonic() > end:
                    raise CommandFailed(
                        ["create", definition["metadata"]["name"]], None, output=str(reply.body)
                    )
                time.sleep(POLL)
            self._resources[served, (group, names["kind"])] = names["plural"], spec["scope"] == "Namespaced"

    def _each(self, do: Callable[[T], R], items: Sequence[T]) -> list[R]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(do, items))

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **types: str) -> _Reply:
        """Ask, and ask again where the connection broke: whatever is asked here may be asked twice.

        Raises:
            ToolError: it is not answered.
        """
        for left in reversed(range(_TRIES)):
            try:
                return self._ask_once(method, path, body, **types)
            except _UNANSWERED as error:
                if not left:
                    raise ToolError(
                        f"the gate's API server did not answer {method} {path.partition('?')[0]}: {error!r}",
                        remedy="Run it again; a machine that is busy with something else may starve it.",
                    ) from error
        raise AssertionError("the last try answers or raises")

    def _ask_once(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> _Reply:
        connection = self._connection()
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept, "Content-Type": content}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        except _UNANSWERED:
            connection.close()
            raise
        is_json = response.headers.get_content_type() == "application/json"
        warnings = tuple(_warning(line) for line in response.headers.get_all("Warning", []))
        return _Reply(response.status, json.loads(text) if is_json else {}, warnings)

    def _connection(self) -> http.client.HTTPSConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPSConnection(
                HOST, self.port, timeout=LIMIT, context=self._tls
            )
        return self._local.connection


@dataclass(frozen=True)
class _Reply:
    code: int
    body: dict[str, Any]
    warnings: tuple[str, ...]


def _prefix(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _scope(namespace: str | None) -> str:
    return f"namespaces/{quote(namespace)}/" if namespace else ""


def _answer(reply: _Reply) -> Answer:
    ok = reply.code in (http.HTTPStatus.OK, http.HTTPStatus.CREATED)
    message = "" if ok else str(reply.body.get("message") or f"HTTP status {reply.code}")
    return Answer(ok, message, reply.warnings)


def _warning(header: str) -> str:
    """The text of a Warning header, which the server writes as `299 - "text"`."""
    _, _, quoted = header.partition('"')
    return quoted.removesuffix('"').replace('\\"', '"')

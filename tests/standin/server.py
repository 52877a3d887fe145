"""The providers' side of the engine's protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from tests.standin import aws_outputs, kubernetes_outputs, lookups, sdk, values, wire
from tests.standin.aws_outputs import Place, Words
from tests.standin.values import Seed
from tools.gate import replacement

_Kind = provider_pb2.PropertyDiff


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """A provider of one package. Nothing is kept between calls but the provider's own configuration."""

    def __init__(self, package: str, engine: str, stopped: threading.Event) -> None:
        self._package = package
        self._engine = engine
        self._stopped = stopped
        self._place = Place()
        self._mutable: frozenset[str] = frozenset()

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=sdk.version(self._package))

    def Attach(self, request: Any, context: Any) -> Any:
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self._stopped.set()
        return Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        given = _parsed(self._package, wire.read(request.news))
        found = sdk.problems(given, sdk.provider_arguments(self._package))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(found))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        before, after = wire.read(request.old_inputs), wire.read(request.news)
        changed = [key for key in before | after if before.get(key) != after.get(key)]
        return _difference({key: key in _REPLACE_PROVIDER[self._package](before) for key in changed})

    def Configure(self, request: Any, context: Any) -> Any:
        configured = _parsed(self._package, wire.read(request.args))
        accounts = configured.get("allowedAccountIds") or [aws_outputs.ACCOUNT]
        tags = (configured.get("defaultTags") or {}).get("tags") or {}
        region = configured.get("region") or aws_outputs.REGION
        self._place = Place(account=accounts[0], region=region, tags=tags)
        self._mutable = frozenset(
            token for token, switch in _MUTABLE.items() if configured.get(switch) in (True, "true")
        )
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, request: Any, context: Any) -> Any:
        token, given = _token(request), wire.raw(request.news)
        failures = _failures(self._problems(token, wire.plain(given)))
        if not failures:
            at = Seed(request.urn)
            if token.startswith("kubernetes:"):
                given = kubernetes_outputs.checked(token, _name(request.urn), given, at)
            elif _tagged(token):
                given |= {"tagsAll": aws_outputs.tags(self._place, given)}
        return provider_pb2.CheckResponse(inputs=wire.write(given), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        token = _token(request)
        before, after = wire.read(request.old_inputs), wire.read(request.news)
        replacing = self._replaced(token, before, after)
        changed = {
            path: any(path == p or path.startswith((f"{p}.", f"{p}[")) for p in replacing)
            for path in _changed(before, after)
        }
        changed |= {path: True for path in replacing if not any(changed.values())}
        if changed and replacement.rule(token) is None:
            self._warn(request.urn, f"update or replacement unknown: {', '.join(sorted(changed))}")
        return _difference(changed, before_delete=token.startswith("kubernetes:"))

    def Create(self, request: Any, context: Any) -> Any:
        id_, state = self._made(_token(request), request.urn, request.properties)
        return provider_pb2.CreateResponse(id=id_, properties=state)

    def Update(self, request: Any, context: Any) -> Any:
        _, state = self._made(_token(request), request.urn, request.news)
        return provider_pb2.UpdateResponse(properties=state)

    def Read(self, request: Any, context: Any) -> Any:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        try:
            found = lookups.answer(request.tok, self._place, wire.read(request.args))
        except lookups.NoAnswer as missing:
            return provider_pb2.InvokeResponse(
                failures=[provider_pb2.CheckFailure(property="", reason=str(missing))]
            )
        answered = provider_pb2.InvokeResponse()
        getattr(answered, "return").CopyFrom(wire.write(found))  # `return` is a keyword
        return answered

    def Construct(self, request: Any, context: Any) -> Any:
        """A component of the provider's own, such as a chart: one node with its inputs, and no children."""
        with grpc.insecure_channel(request.monitorEndpoint) as channel:
            monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
            made = monitor.RegisterResource(
                resource_pb2.RegisterResourceRequest(
                    type=request.type,
                    name=request.name,
                    parent=request.parent,
                    object=request.inputs,
                    providers=dict(request.providers),
                    aliases=request.aliases,
                    dependencies=request.dependencies,
                    acceptSecrets=True,
                    acceptResources=True,
                )
            )
            monitor.RegisterResourceOutputs(
                resource_pb2.RegisterResourceOutputsRequest(urn=made.urn, outputs=wire.write({}))
            )
        return provider_pb2.ConstructResponse(urn=made.urn, state=wire.write({}))

    def _warn(self, urn: str, message: str) -> None:
        severity = engine_pb2.LogSeverity.Value("WARNING")
        with grpc.insecure_channel(self._engine) as channel:
            log = engine_pb2.LogRequest(severity=severity, message=message, urn=urn)
            engine_pb2_grpc.EngineStub(channel).Log(log)

    def _problems(self, token: str, given: Mapping[str, Any]) -> Iterable[sdk.Problem]:
        if sdk.resource_class(token) is not None:
            return sdk.problems(given, sdk.arguments(token))
        if self._package == "kubernetes":
            # A custom resource: which fields it has, its definition says, and an API server checks.
            missing = [key for key in ("apiVersion", "kind") if not given.get(key)]
            return [sdk.Problem(key, "is required by a custom resource") for key in missing]
        return [sdk.Problem("", f"the SDK has no type {token}")]

    def _replaced(self, token: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
        found = replacement.replaces(
            token, replacement.relevant(token, before), replacement.relevant(token, after)
        )
        content = replacement.IMMUTABLE_CONTENT.get(token)
        if content is not None and token not in self._mutable:
            found += [path for path in content.changed if before.get(path) != after.get(path)]
        return found

    def _made(self, token: str, urn: str, properties: Any) -> tuple[str, Any]:
        given, clear = wire.raw(properties), wire.read(properties)
        at = values.seed(urn, replacement.relevant(token, clear))
        if token.startswith("kubernetes:"):
            id_, made = (
                kubernetes_outputs.identifier(token, clear),
                kubernetes_outputs.outputs(token, given, at),
            )
        else:
            words = Words(_name(urn), clear, self._place, at)
            made = aws_outputs.outputs(token, words, given, at)
            id_ = words["id"]
        return id_, wire.write(made)


def serve(package: str, engine: str) -> None:
    """Serve a package's provider until the engine ends it; the port goes to stdout, as the engine expects.

    Args:
        engine: where the engine listens.
    """
    stopped = threading.Event()
    # The engine sends a whole manifest in one message.
    size = 400 * 1024 * 1024
    server = grpc.server(
        ThreadPoolExecutor(max_workers=8),
        options=[("grpc.max_receive_message_length", size), ("grpc.max_send_message_length", size)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(package, engine, stopped), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    stopped.wait()
    server.stop(grace=1).wait()


_MUTABLE: Final = {
    "kubernetes:core/v1:ConfigMap": "enableConfigMapMutable",
    "kubernetes:core/v1:Secret": "enableSecretMutable",
}

_REPLACE_PROVIDER: Final = {
    "aws": lambda _: {"region"},
    "kubernetes": lambda before: (
        {"clusterIdentifier"} if before.get("clusterIdentifier") else {"kubeconfig", "context", "cluster"}
    ),
}
"""Inputs of a provider whose change replaces it and all that it made, given its former inputs."""


def _token(request: Any) -> str:
    return request.type or request.urn.split("::")[2].split("$")[-1]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _tagged(token: str) -> bool:
    resource = sdk.resource_class(token)
    return resource is not None and "tagsAll" in sdk.outputs(resource)


def _failures(found: Iterable[sdk.Problem]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=p.path, reason=p.reason) for p in found]


def _parsed(package: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A provider's inputs: what is not text travels as JSON text."""
    known = sdk.inputs(sdk.provider_arguments(package))
    return {
        key: value if known.get(key) is str else _json(value)
        for key, value in inputs.items()
        if key != "version" and not key.startswith("__")
    }


def _json(value: Any) -> Any:
    if not isinstance(value, str) or value == wire.UNKNOWN:
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _changed(before: Any, after: Any, path: str = "") -> Iterable[str]:
    """Paths of the values that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before | after:
            yield from _changed(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list):
        for i in range(max(len(before), len(after))):
            yield from _changed(_at(before, i), _at(after, i), f"{path}[{i}]")
    elif before != after:
        yield path


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def _difference(changed: Mapping[str, bool], *, before_delete: bool = False) -> Any:
    """The answer to a question for a difference: path → whether it replaces the resource."""
    detailed = {
        path: _Kind(kind=_Kind.UPDATE_REPLACE if replaces else _Kind.UPDATE, inputDiff=True)
        for path, replaces in changed.items()
    }
    replacing = sorted(path for path, replaces in changed.items() if replaces)
    response = provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if changed else response.DIFF_NONE,
        replaces=replacing,
        diffs=sorted({path.split(".")[0].split("[")[0] for path in changed}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
        # Two objects of one name cannot be there at once.
        deleteBeforeReplace=before_delete and bool(replacing),
    )

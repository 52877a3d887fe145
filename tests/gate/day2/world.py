"""Stand-in providers that remember what they made, and that fail or hang when a test says so."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import grpc
from pulumi.runtime.proto import provider_pb2

from tests.standin import server, wire

VARIABLE: Final = "CARBON_WORLD"
"""Environment variable with the world's directory."""


@dataclass(frozen=True)
class World:
    """A directory with a file for each thing that is there, and with what is to go wrong."""

    directory: Path

    def things(self) -> dict[str, dict[str, Any]]:
        """All that is there: name in the program → type, id, inputs and properties."""
        found = [json.loads(file.read_text()) for file in sorted(self.directory.glob("*.thing"))]
        return {thing["name"]: thing for thing in found}

    def change(self, name: str, **inputs: Any) -> None:
        """Change a thing behind the engine's back, as a person at the console does."""
        thing = self.things()[name]
        for part in ("inputs", "properties"):
            thing[part] |= inputs
        self._file(thing["type"], thing["id"]).write_text(json.dumps(thing))

    def fail(self, name: str, message: str) -> None:
        """From now on, making or changing the thing fails."""
        (self.directory / f"{name}.fails").write_text(message)

    def mend(self, name: str) -> None:
        """Let it succeed again."""
        (self.directory / f"{name}.fails").unlink()

    def forbid(self, name: str) -> None:
        """From now on, reading the thing is refused, as to a role without the right."""
        (self.directory / f"{name}.forbidden").write_text(f"{name} is forbidden: User cannot get resource")

    def hang(self, name: str, *, made: bool) -> None:
        """From now on, making the thing does not end; `made`: though the thing is there."""
        (self.directory / f"{name}.hangs").write_text("made" if made else "")

    def hangs(self, name: str) -> bool:
        """Whether something hangs in making the thing now."""
        return (self.directory / f"{name}.waits").exists()

    def calm(self, name: str) -> None:
        """Let making it end again."""
        for what in ("hangs", "waits"):
            (self.directory / f"{name}.{what}").unlink()

    def put(self, name: str, type_: str, id_: str, inputs: Any, properties: Any) -> None:
        """Make a thing be there."""
        thing = {"name": name, "type": type_, "id": id_, "inputs": inputs, "properties": properties}
        self._file(type_, id_).write_text(json.dumps(thing))

    def get(self, type_: str, id_: str) -> dict[str, Any] | None:
        """A thing, if it is there."""
        file = self._file(type_, id_)
        return json.loads(file.read_text()) if file.is_file() else None

    def remove(self, type_: str, id_: str) -> None:
        """Make a thing be gone."""
        self._file(type_, id_).unlink(missing_ok=True)

    def obstacle(self, name: str, what: str) -> str | None:
        """What a test said of making the thing, if it did."""
        file = self.directory / f"{name}.{what}"
        return file.read_text() if file.is_file() else None

    def wait(self, name: str) -> None:
        """Say that the thing's making hangs, and hang until the process is killed."""
        (self.directory / f"{name}.waits").touch()
        threading.Event().wait()

    def _file(self, type_: str, id_: str) -> Path:
        return self.directory / f"{hashlib.sha256(f'{type_} {id_}'.encode()).hexdigest()[:24]}.thing"


class WorldProvider(server.Provider):
    """The stand-in, with a memory."""

    def __init__(self, package: str, engine: str, stopped: threading.Event) -> None:
        super().__init__(package, engine, stopped)
        self._world = World(Path(os.environ[VARIABLE]))

    def Create(self, request: Any, context: Any) -> Any:
        made = super().Create(request, context)
        if request.preview:
            return made
        name, type_ = _name(request.urn), _type(request.urn)
        self._may(name, context)
        hangs = self._world.obstacle(name, "hangs")
        if hangs != "":
            self._world.put(name, type_, made.id, wire.raw(request.properties), wire.raw(made.properties))
        if hangs is not None:
            self._world.wait(name)
        return made

    def Update(self, request: Any, context: Any) -> Any:
        made = super().Update(request, context)
        if not request.preview:
            name, type_ = _name(request.urn), _type(request.urn)
            self._may(name, context)
            self._world.put(name, type_, request.id, wire.raw(request.news), wire.raw(made.properties))
        return made

    def Read(self, request: Any, context: Any) -> Any:
        if (refused := self._world.obstacle(_name(request.urn), "forbidden")) is not None:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, refused)
        thing = self._world.get(_type(request.urn), request.id)
        if thing is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id, properties=wire.write(thing["properties"]), inputs=wire.write(thing["inputs"])
        )

    def Delete(self, request: Any, context: Any) -> Any:
        self._world.remove(_type(request.urn), request.id)
        return super().Delete(request, context)

    def _may(self, name: str, context: Any) -> None:
        if (message := self._world.obstacle(name, "fails")) is not None:
            context.abort(grpc.StatusCode.UNKNOWN, message)


def serve(package: str, engine: str) -> None:
    """Serve a package's provider over the world that the environment names.

    Args:
        engine: where the engine listens.
    """
    with patch.object(server, "Provider", WorldProvider):
        server.serve(package, engine)


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _type(urn: str) -> str:
    return urn.split("::")[2].split("$")[-1]

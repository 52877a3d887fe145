"""Give a secret a new password, and its first ones.

A secret that rotates holds three passwords: that of now, the one to come and the one before. A rotation moves
each on by one, so that whoever has read the secret before it and whoever has read it after it know the
password of now and the one before: no log-in is refused, whichever side reads first. What leaked is worth
nothing after two rotations.

Secrets Manager calls it in four steps. Only two do something: a password is made and kept as pending, and the
pending one becomes the current one. Nothing is set or tried at the database here: External Secrets brings the
current password into the cluster, where CloudNativePG gives it to the role.

The deployment calls it once for each new secret with step `seed`, so that no password is ever in its state.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

NOW, NEXT, PREVIOUS = "password", "next_password", "previous_password"

LENGTH = 40
"""Characters of a password, letters and digits: over 200 bits."""


PATIENCE = 40.0
"""Seconds in which a first value is tried for: the rights of a role that was just made take their time."""


class Refused(Exception):
    """A rotation is refused; the message names the secret and why."""


class Client(Protocol):
    """What is used of boto3's client of Secrets Manager."""

    exceptions: Any

    def describe_secret(self, *, SecretId: str) -> Mapping[str, Any]:
        """Versions of a secret and their stages."""
        ...

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> Mapping[str, Any]:
        """Value of a stage."""
        ...

    def get_random_password(self, *, PasswordLength: int, ExcludePunctuation: bool) -> Mapping[str, Any]:
        """A new password."""
        ...

    def put_secret_value(
        self,
        *,
        SecretId: str,
        ClientRequestToken: str,
        SecretString: str,
        VersionStages: list[str],
    ) -> Mapping[str, Any]:
        """Keep a value as a version with stages; what the token has already is not written again."""
        ...

    def update_secret_version_stage(
        self,
        *,
        SecretId: str,
        VersionStage: str,
        MoveToVersionId: str,
        RemoveFromVersionId: str,
    ) -> Mapping[str, Any]:
        """Move a stage from one version to another."""
        ...


def handle(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point at AWS."""
    # Only there it is part of the runtime.
    return run(event, import_module("boto3").client("secretsmanager"))


def run(
    event: Mapping[str, Any], client: Client, *, pause: Callable[[float], None] = time.sleep
) -> dict[str, str]:
    """Do one step; the answer says what was done, and holds no value.

    Args:
        pause: waits some seconds.
        event: `Step`, `SecretId`; of a rotation `ClientRequestToken`; of a first value `Fields`, which it has
            besides the password, and `Rotates`, whether it is to have three.

    Raises:
        Refused: the secret or its version is not in a state to be rotated.
    """
    step, secret = str(event["Step"]), str(event["SecretId"])
    if step == "seed":
        held = (NOW, NEXT, PREVIOUS) if event.get("Rotates") else (NOW,)
        done = _patiently(lambda: _seed(client, secret, event.get("Fields", {}), held), pause)
        return {"secret": secret, "done": done}
    token = str(event["ClientRequestToken"])
    described = client.describe_secret(SecretId=secret)
    if not described.get("RotationEnabled"):
        raise Refused(f"{secret}: rotation is not enabled")
    versions: Mapping[str, list[str]] = described["VersionIdsToStages"]
    if token not in versions:
        raise Refused(f"{secret}: there is no version {token} to rotate to")
    if "AWSCURRENT" in versions[token]:
        return {"secret": secret, "done": "nothing: the version is the current one"}
    if not any("AWSCURRENT" in stages for stages in versions.values()):
        raise Refused(f"{secret}: it has no first value to rotate from")
    if "AWSPENDING" not in versions[token]:
        raise Refused(f"{secret}: version {token} is not pending")
    match step:
        case "createSecret":
            return {"secret": secret, "done": _create(client, secret, token)}
        case "setSecret" | "testSecret":
            return {"secret": secret, "done": "nothing: the cluster takes it over"}
        case "finishSecret":
            return {"secret": secret, "done": _finish(client, secret, token, versions)}
        case _:
            raise Refused(f"{secret}: there is no step {step}")


def _seed(client: Client, secret: str, fields: Mapping[str, str], held: tuple[str, ...]) -> str:
    versions: Mapping[str, list[str]] = client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
    if any("AWSCURRENT" in stages for stages in versions.values()):
        return "nothing: it has a value"
    value = {**fields, **{name: _password(client) for name in held}}
    client.put_secret_value(
        SecretId=secret,
        ClientRequestToken=str(uuid.uuid4()),
        SecretString=json.dumps(value),
        VersionStages=["AWSCURRENT"],
    )
    return "its first value"


def _patiently(seed: Callable[[], str], pause: Callable[[float], None]) -> str:
    waited, step = 0.0, 1.0
    while True:
        try:
            return seed()
        except Exception as error:
            answer: Any = getattr(error, "response", {})
            if (
                not str(answer.get("Error", {}).get("Code", "")).startswith("AccessDenied")
                or waited >= PATIENCE
            ):
                raise
            pause(step)
            waited, step = waited + step, min(step * 2, 10.0)


def _create(client: Client, secret: str, token: str) -> str:
    current = json.loads(client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"])
    if _has_pending(client, secret):
        return "nothing: the version has a value"
    moved = {PREVIOUS: current[NOW], NOW: current[NEXT], NEXT: _password(client)}
    client.put_secret_value(
        SecretId=secret,
        ClientRequestToken=token,
        SecretString=json.dumps({**current, **moved}),
        VersionStages=["AWSPENDING"],
    )
    return "a pending value"


def _has_pending(client: Client, secret: str) -> bool:
    """Whether an earlier try of the same rotation made the value: a step may come more than once."""
    try:
        client.get_secret_value(SecretId=secret, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def _finish(client: Client, secret: str, token: str, versions: Mapping[str, list[str]]) -> str:
    current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
    client.update_secret_version_stage(
        SecretId=secret,
        VersionStage="AWSCURRENT",
        MoveToVersionId=token,
        RemoveFromVersionId=current,
    )
    return "the pending value is the current one"


def _password(client: Client) -> str:
    made = client.get_random_password(PasswordLength=LENGTH, ExcludePunctuation=True)
    return str(made["RandomPassword"])

"""A Secrets Manager in memory, and what it does to rotate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra.components.aws.rotation.function import run

SECRET = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:carbon/dev/database/mlflow-AbCdEf"


class NotFound(Exception):
    """What the service answers where there is no value."""


class Exceptions:
    ResourceNotFoundException = NotFound


class Manager:
    """One secret. A version's value never changes, and a stage is on one version."""

    exceptions = Exceptions()

    def __init__(self, *, rotation: bool = True) -> None:
        self.values: dict[str, str] = {}
        self.stages: dict[str, str] = {}
        self.rotation = rotation
        self.passwords = 0

    def begin(self, token: str) -> None:
        """What Secrets Manager does before it calls the function."""
        self.stages["AWSPENDING"] = token

    def current(self) -> Any:
        return json.loads(self.values[self.stages["AWSCURRENT"]])

    def describe_secret(self, *, SecretId: str) -> Mapping[str, Any]:
        assert SecretId == SECRET
        held: dict[str, list[str]] = {}
        for stage, version in self.stages.items():
            held.setdefault(version, []).append(stage)
        described = {"RotationEnabled": self.rotation}
        return {**described, "VersionIdsToStages": held} if held else described

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> Mapping[str, Any]:
        assert SecretId == SECRET
        version = self.stages.get(VersionStage)
        if version not in self.values:
            raise NotFound(VersionStage)
        return {"VersionId": version, "SecretString": self.values[version]}

    def get_random_password(self, *, PasswordLength: int, ExcludePunctuation: bool) -> Mapping[str, Any]:
        assert ExcludePunctuation, "a password may stand in a connection string"
        self.passwords += 1
        return {"RandomPassword": f"{self.passwords:0{PasswordLength}}"}

    def put_secret_value(
        self, *, SecretId: str, ClientRequestToken: str, SecretString: str, VersionStages: list[str]
    ) -> Mapping[str, Any]:
        assert SecretId == SECRET
        assert ClientRequestToken not in self.values, "a version's value cannot change"
        assert 32 <= len(ClientRequestToken) <= 64
        self.values[ClientRequestToken] = SecretString
        for stage in VersionStages:
            self.stages[stage] = ClientRequestToken
        return {}

    def update_secret_version_stage(
        self, *, SecretId: str, VersionStage: str, MoveToVersionId: str, RemoveFromVersionId: str
    ) -> Mapping[str, Any]:
        assert SecretId == SECRET
        assert self.stages[VersionStage] == RemoveFromVersionId, "the service asks where it was"
        self.stages["AWSPREVIOUS"] = RemoveFromVersionId
        self.stages[VersionStage] = MoveToVersionId
        return {}


TOKEN = "b7f2a1c0-0000-4000-8000-000000000001"


def seeded() -> Manager:
    manager = Manager()
    run({"Step": "seed", "SecretId": SECRET, "Fields": {"username": "mlflow"}, "Rotates": True}, manager)
    return manager


def rotate(manager: Manager, token: str = TOKEN) -> None:
    manager.begin(token)
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        run({"Step": step, "SecretId": SECRET, "ClientRequestToken": token}, manager)

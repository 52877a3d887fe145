"""The function that gives secrets their values, against a Secrets Manager in memory."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra import names
from infra.components.aws.rotation import function
from infra.components.aws.rotation.function import Refused, run

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
    run({"Step": "seed", "SecretId": SECRET, "Fields": {"username": "mlflow"}}, manager)
    return manager


def rotate(manager: Manager, token: str = TOKEN) -> None:
    manager.begin(token)
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        run({"Step": step, "SecretId": SECRET, "ClientRequestToken": token}, manager)


def test_a_new_secret_gets_its_fields_and_a_password() -> None:
    value = seeded().current()
    assert value["username"] == "mlflow"
    assert len(value["password"]) == function.LENGTH


def test_its_password_has_the_field_that_the_cluster_reads() -> None:
    """The function is shipped alone and cannot import the name."""
    manager = seeded()
    assert manager.current().keys() == {names.USERNAME, names.PASSWORD}
    rotate(manager)
    assert manager.current().keys() == {names.USERNAME, names.PASSWORD}


def test_a_secret_that_has_a_value_keeps_it_when_it_is_seeded_again() -> None:
    manager = seeded()
    before = manager.current()
    run({"Step": "seed", "SecretId": SECRET, "Fields": {"username": "other"}}, manager)
    assert manager.current() == before


def test_a_rotation_changes_the_password_and_nothing_else() -> None:
    manager = seeded()
    before = manager.current()
    rotate(manager)
    after = manager.current()
    assert after["password"] != before["password"]
    assert {**after, "password": ""} == {**before, "password": ""}
    assert json.loads(manager.values[manager.stages["AWSPREVIOUS"]]) == before


def test_the_old_password_stays_the_current_one_until_the_last_step() -> None:
    manager = seeded()
    before = manager.current()
    manager.begin(TOKEN)
    for step in ("createSecret", "setSecret", "testSecret"):
        run({"Step": step, "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)
        assert manager.current() == before


@pytest.mark.parametrize("again", ["createSecret", "finishSecret"])
def test_a_step_that_comes_twice_does_no_more(again: str) -> None:
    manager = seeded()
    manager.begin(TOKEN)
    steps = ["createSecret", "setSecret", "testSecret", "finishSecret"]
    steps.insert(steps.index(again), again)
    for step in steps:
        run({"Step": step, "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)
    assert manager.stages["AWSCURRENT"] == TOKEN
    assert manager.passwords == 2, "one at first, one by the rotation"


def test_what_is_pending_of_an_earlier_rotation_is_not_taken_for_this_ones() -> None:
    manager = seeded()
    rotate(manager)
    manager.stages["AWSPENDING"] = TOKEN
    later = TOKEN.replace("1", "2")
    rotate(manager, later)
    assert manager.stages["AWSCURRENT"] == later
    assert manager.passwords == 3


def test_rotation_is_refused_where_it_makes_no_sense() -> None:
    off = Manager(rotation=False)
    with pytest.raises(Refused, match="not enabled"):
        run({"Step": "createSecret", "SecretId": SECRET, "ClientRequestToken": TOKEN}, off)
    empty = Manager()
    empty.begin(TOKEN)
    with pytest.raises(Refused, match="no first value"):
        run({"Step": "createSecret", "SecretId": SECRET, "ClientRequestToken": TOKEN}, empty)
    manager = seeded()
    with pytest.raises(Refused, match="no version"):
        run({"Step": "createSecret", "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)
    manager.stages["AWSPREVIOUS"] = TOKEN
    with pytest.raises(Refused, match="not pending"):
        run({"Step": "createSecret", "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)
    manager.begin(TOKEN)
    with pytest.raises(Refused, match="no step"):
        run({"Step": "dropSecret", "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)


def test_an_error_of_the_service_is_not_taken_for_a_missing_value() -> None:
    class Down(Manager):
        def get_secret_value(self, *, SecretId: str, VersionStage: str) -> Mapping[str, Any]:
            if VersionStage == "AWSPENDING":
                raise ConnectionError("throttled")
            return super().get_secret_value(SecretId=SecretId, VersionStage=VersionStage)

    manager = Down()
    run({"Step": "seed", "SecretId": SECRET}, manager)
    manager.begin(TOKEN)
    with pytest.raises(ConnectionError):
        run({"Step": "createSecret", "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)


def test_no_answer_holds_a_password() -> None:
    manager = Manager()
    answers = [run({"Step": "seed", "SecretId": SECRET}, manager)]
    manager.begin(TOKEN)
    answers += [
        run({"Step": step, "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)
        for step in ("createSecret", "setSecret", "testSecret", "finishSecret")
    ]
    passwords = [json.loads(value)["password"] for value in manager.values.values()]
    assert len(passwords) == 2
    assert not [p for p in passwords for answer in answers if p in json.dumps(answer)]


def test_it_runs_without_the_project() -> None:
    """At AWS there is the file and Python: what it imports has to be there."""
    tree = ast.parse(Path(function.__file__).read_text())
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules <= sys.stdlib_module_names

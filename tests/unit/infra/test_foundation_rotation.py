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
from tests.rotations import SECRET, TOKEN, Manager, rotate, seeded


def test_a_new_secret_gets_its_fields_and_a_password() -> None:
    value = seeded().current()
    assert value["username"] == "mlflow"
    three = [value[name] for name in (names.PASSWORD, names.NEXT_PASSWORD, names.PREVIOUS_PASSWORD)]
    assert {len(password) for password in three} == {function.LENGTH}
    assert len(set(three)) == 3


def test_a_secret_that_never_rotates_has_one_password() -> None:
    manager = Manager()
    run({"Step": "seed", "SecretId": SECRET, "Fields": {"username": "admin"}}, manager)
    assert manager.current().keys() == {names.USERNAME, names.PASSWORD}


def test_its_password_has_the_field_that_the_cluster_reads() -> None:
    """The function is shipped alone and cannot import the name."""
    manager = seeded()
    held = {names.USERNAME, names.PASSWORD, names.NEXT_PASSWORD, names.PREVIOUS_PASSWORD}
    assert manager.current().keys() == held
    rotate(manager)
    assert manager.current().keys() == held


def test_a_secret_that_has_a_value_keeps_it_when_it_is_seeded_again() -> None:
    manager = seeded()
    before = manager.current()
    run({"Step": "seed", "SecretId": SECRET, "Fields": {"username": "other"}}, manager)
    assert manager.current() == before


def test_a_rotation_moves_each_password_on_by_one() -> None:
    """So whoever read before it and whoever read after it know the old one and the new one."""
    manager = seeded()
    before = manager.current()
    rotate(manager)
    after = manager.current()
    assert after["password"] == before["next_password"]
    assert after["previous_password"] == before["password"]
    assert after["next_password"] not in before.values()
    assert after["username"] == before["username"]
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
    assert manager.passwords == 4, "three at first, one by the rotation"


def test_what_is_pending_of_an_earlier_rotation_is_not_taken_for_this_ones() -> None:
    manager = seeded()
    rotate(manager)
    manager.stages["AWSPENDING"] = TOKEN
    later = TOKEN.replace("1", "2")
    rotate(manager, later)
    assert manager.stages["AWSCURRENT"] == later
    assert manager.passwords == 5


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
    run({"Step": "seed", "SecretId": SECRET, "Rotates": True}, manager)
    manager.begin(TOKEN)
    with pytest.raises(ConnectionError):
        run({"Step": "createSecret", "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)


def test_no_answer_holds_a_password() -> None:
    manager = Manager()
    answers = [run({"Step": "seed", "SecretId": SECRET, "Rotates": True}, manager)]
    manager.begin(TOKEN)
    answers += [
        run({"Step": step, "SecretId": SECRET, "ClientRequestToken": TOKEN}, manager)
        for step in ("createSecret", "setSecret", "testSecret", "finishSecret")
    ]
    passwords = {one for value in manager.values.values() for one in json.loads(value).values()}
    assert len(passwords) == 4
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


class Denied(Exception):
    """What boto3 raises where a right is missing, or not there yet."""

    response = {"Error": {"Code": "AccessDeniedException"}}  # noqa: RUF012 as botocore's


class Young(Manager):
    """The role's rights are not everywhere yet."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals

    def put_secret_value(self, **given: Any) -> Mapping[str, Any]:
        if self.refusals:
            self.refusals -= 1
            raise Denied
        return super().put_secret_value(**given)


def test_rights_that_take_their_time_are_waited_for() -> None:
    manager, waits = Young(3), list[float]()
    run({"Step": "seed", "SecretId": SECRET}, manager, pause=waits.append)
    assert manager.current()["password"]
    assert waits == [1.0, 2.0, 4.0]


def test_rights_that_do_not_come_are_an_error_before_the_function_is_cut_off() -> None:
    waits = list[float]()
    with pytest.raises(Denied):
        run({"Step": "seed", "SecretId": SECRET}, Young(100), pause=waits.append)
    assert function.PATIENCE <= sum(waits) < 55

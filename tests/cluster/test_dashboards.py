"""Superset in a cluster: a person logs in, and charts answer from the platform's tables."""

from __future__ import annotations

import base64

import pytest

from tests.services.superset import Person
from tools import access, kube, people_cli
from tools.wait import until
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.declared.superset import ADMIN_PASSWORD, SUPERSET
from workloads.kit.contracts.people import first_password
from workloads.superset.dashboards import SHARED
from workloads.superset.prepare import ADMIN


@pytest.fixture(scope="module")
def person(platform: str) -> Person:
    """An analyst, by the issuer, where there is one; else the first person, by the password made for it."""
    url = access.where(access.by_name(SUPERSET.name))
    there = kube.get("deployment", "-n", platform, "--field-selector", f"metadata.name={KEYCLOAK.name}")
    if there["items"]:
        name = next(name for name, one in people_cli.declared().people.items() if "analyst" in one.roles)
        return Person.by_issuer(url, name, first_password(people_cli.people_key(), name))
    secret = kube.get("secret", SUPERSET.name, "-n", platform)["data"][ADMIN_PASSWORD]
    return Person.by_password(url, ADMIN, base64.b64decode(secret).decode())


def test_every_dashboard_is_there(person: Person) -> None:
    assert {one.slug for one in SHARED} <= set(person.numbers("dashboard"))


def test_charts_answer_from_the_platforms_tables(person: Person) -> None:
    numbers = person.numbers("chart")

    def prices() -> float | None:
        [row] = person.data(numbers["Prices"])
        return row["prices"]

    # The replay publishes all the time; what is stored is counted here.
    until(prices, "a price to be counted", limit=120)
    [hours] = person.data(numbers["Hours of jobs"])
    assert set(hours) == {"hours"}


def test_what_a_set_would_bring_is_asked_for_without_error_where_it_is_absent(person: Person) -> None:
    """Databases are always there: without rows a chart says that there are none."""
    numbers = person.numbers("chart")
    for name in ("Rows loaded", "Retention by cohort and month", "Customers by segment"):
        assert isinstance(person.data(numbers[name]), list)

"""Superset in a cluster: a person logs in, and charts answer from the platform's tables."""

from __future__ import annotations

import base64

import pytest

from tests.services.superset import Person
from tools import access, kube
from tools.wait import until
from workloads.kit.contracts.declared.superset import ADMIN_PASSWORD, SUPERSET
from workloads.superset.dashboards import SHARED
from workloads.superset.prepare import ADMIN


@pytest.fixture(scope="module")
def admin(platform: str) -> Person:
    """The first person, by the password that was made for it."""
    secret = kube.get("secret", SUPERSET.name, "-n", platform)["data"][ADMIN_PASSWORD]
    url = access.where(access.by_name(SUPERSET.name))
    return Person(url, ADMIN, base64.b64decode(secret).decode())


def test_every_dashboard_is_there(admin: Person) -> None:
    assert {one.slug for one in SHARED} <= set(admin.numbers("dashboard"))


def test_charts_answer_from_the_platforms_tables(admin: Person) -> None:
    numbers = admin.numbers("chart")

    def prices() -> float | None:
        [row] = admin.data(numbers["Prices"])
        return row["prices"]

    # The replay publishes all the time; what is stored is counted here.
    until(prices, "a price to be counted", limit=120)
    [hours] = admin.data(numbers["Hours of jobs"])
    assert set(hours) == {"hours"}


def test_what_a_set_would_bring_is_asked_for_without_error_where_it_is_absent(admin: Person) -> None:
    """Databases are always there: without rows a chart says that there are none."""
    numbers = admin.numbers("chart")
    for name in ("Rows loaded", "Retention by cohort and month", "Customers by segment"):
        assert isinstance(admin.data(numbers[name]), list)

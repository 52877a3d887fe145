"""What operators and charts make meets the rules, and an exception for it that excuses nothing is found."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from infra import charts
from policies import exceptions
from policies.exceptions import RuleException
from tests.previews import preview
from tools.gate import made, rendered
from tools.gate.model import StackPreview


def said(stack: StackPreview) -> set[str]:
    return {f"{f.check} {f.subject}" for f in rendered.rendered([stack]).findings}


@pytest.fixture(scope="module")
def prod() -> StackPreview:
    return preview("prod")


def changed(stack: StackPreview, kind: str, change: Any) -> StackPreview:
    """A stack of which one declared object, or release, is otherwise."""

    def other(inputs: Any) -> Any:
        made_of = copy.deepcopy(dict(inputs))
        if made_of.get("kind") == kind or made_of.get("chart") == kind:
            change(made_of)
        return made_of

    return replace(stack, resources=tuple(replace(r, inputs=other(r.inputs)) for r in stack.resources))


def test_nothing_that_others_make_for_prod_is_refused(prod: StackPreview) -> None:
    done = rendered.rendered([prod])
    assert list(done.findings) == []
    assert done.examined > 40


def test_an_exception_by_a_name_that_nobody_makes_is_found_and_so_is_what_it_was_for(
    prod: StackPreview, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renamed(stack: str) -> tuple[RuleException, ...]:
        wrong = {"*/carbon/carbon-*": "*/carbon/kafka*", "*/carbon/redis*": "*/carbon/valkey*"}
        return tuple(
            e.model_copy(update={"resource": wrong.get(e.resource, e.resource)}) for e in real(stack)
        )

    real = exceptions.of
    monkeypatch.setattr(exceptions, "of", renamed)
    found = said(prod)
    assert "rendered/container-read-only-root Pod/carbon/carbon-broker-0" in found
    assert "rendered/image-digest Deployment/carbon/carbon-entity-operator" in found
    assert "rendered/image-digest Deployment/carbon/redis" in found
    assert "rendered policies/exceptions.yaml" in found


def test_a_rule_that_an_exception_need_not_set_aside_is_found(
    prod: StackPreview, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = [
        e.model_copy(update={"rules": (*e.rules, "pod-no-host-access")})
        if e.resource == "*/carbon/postgres*"
        else e
        for e in exceptions.of("prod")
    ]
    monkeypatch.setattr(exceptions, "of", lambda _: tuple(wide))
    (finding,) = rendered.rendered([prod]).findings
    assert "the exception from pod-no-host-access for */carbon/postgres*" in finding.message


def test_an_archive_that_lets_the_servers_read_every_secret_is_found(prod: StackPreview) -> None:
    def without(store: Any) -> None:
        del store["spec"]["configuration"]["s3Credentials"]["region"]

    found = said(changed(prod, "ObjectStore", without))
    assert found == {"rendered/rbac-no-secret-listing Role/carbon/postgres-barman-cloud"}


def test_a_charts_own_image_from_a_registry_that_the_stack_may_not_use_is_found(prod: StackPreview) -> None:
    def as_the_chart_has_it(release: Any) -> None:
        del release["values"]["image"]

    found = said(changed(prod, "mlflow", as_the_chart_has_it))
    assert "rendered/image-registry Deployment/carbon/mlflow" in found


def test_a_release_that_its_own_webhook_stops_is_found(prod: StackPreview) -> None:
    chart = f"{charts.KUBE_PROMETHEUS_STACK.repository}/{charts.KUBE_PROMETHEUS_STACK.name}"

    def closed(release: Any) -> None:
        release["values"]["prometheusOperator"]["admissionWebhooks"]["failurePolicy"] = "Fail"

    (finding,) = rendered.rendered([changed(prod, chart, closed)]).findings
    assert finding.check == "rendered/first-install"
    assert "admissionWebhooks.failurePolicy Fail" in finding.message


def test_a_cluster_of_another_name_is_followed(prod: StackPreview) -> None:
    def other(kafka: Any) -> None:
        kafka["metadata"]["name"] = "events"

    found = said(changed(prod, "Kafka", other))
    assert "rendered/rbac-no-secret-listing Role/carbon/events-entity-operator" in found


def test_a_chart_that_was_raised_asks_for_its_source_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = tuple(replace(c, version="9.9.9") if c.name == "mlflow" else c for c in charts.ALL)
    monkeypatch.setattr(charts, "ALL", raised)
    (finding,) = rendered.stale()
    assert finding.subject == "chart mlflow"
    assert made.VERSIONS["mlflow"] in finding.message

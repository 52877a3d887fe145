"""What several stack files say has to fit together, whichever of them is deployed first."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from tools.gate import settings


def aws(stack: str) -> dict[str, Any]:
    return settings.layers(stack).merged().get("aws") or {}


STACKS = settings.stacks()
DOMAINS = {s: aws(s)["edge"]["domain"] for s in STACKS if "edge" in aws(s)}
GITHUB = aws("bootstrap")["github"]


def test_no_domain_lies_below_another_stacks() -> None:
    """The upper one would answer for it from the day it comes, and knows nothing of it."""
    assert len(DOMAINS) >= 3
    assert [
        (one, other) for one, other in permutations(DOMAINS, 2) if below(DOMAINS[one], DOMAINS[other])
    ] == []


def below(domain: str, other: str) -> bool:
    return domain == other or domain.endswith(f".{other}")


def test_a_deployment_may_change_the_records_of_its_own_domain() -> None:
    assert GITHUB["domains"] == DOMAINS


def test_roles_write_copies_to_where_their_stack_replicates() -> None:
    replicas = {s: aws(s).get("buckets", {}).get("replicate_to") for s in STACKS}
    assert GITHUB["copies"] == {s: to["environment"] for s, to in replicas.items() if to}


def test_an_account_has_one_trail_which_records_environments_that_it_has() -> None:
    """Another would be paid for each event; the policy `trail-once` sees one stack at a time."""
    trails = {s: aws(s)["audit"] for s in STACKS if "audit" in aws(s)}
    assert list(trails) == ["bootstrap"]
    assert set(trails["bootstrap"]["objects_of"]) <= set(GITHUB["environments"])


def test_a_runner_runs_the_jobs_of_the_repository_whose_roles_there_are() -> None:
    runners = {s: aws(s)["runner"]["repository"] for s in STACKS if "runner" in aws(s)}
    assert runners
    assert set(runners.values()) == {GITHUB["repository"]}

"""Programs of a few resources, for what the engine makes of the stand-in providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import pytest

from tools.gate import engine
from tools.gate.engine import Project

PREAMBLE = """
import pulumi, pulumi_aws as aws, pulumi_kubernetes as k8s
cloud = aws.Provider(
    "aws",
    region="eu-west-1",
    allowed_account_ids=["111122223333"],
    default_tags={"tags": {"team": "platform"}},
)
cluster = k8s.Provider(
    "cluster", kubeconfig='{"apiVersion": "v1", "kind": "Config"}', cluster_identifier="test"
)
at_aws = pulumi.ResourceOptions(provider=cloud)
on_cluster = pulumi.ResourceOptions(provider=cluster)
"""

Program = Callable[..., Project]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Make a project of a program's text; called again, give the same project another program."""
    made: list[Project] = []
    with ExitStack() as stack:

        def write(text: str, **config: str) -> Project:
            directory = tmp_path / "program"
            directory.mkdir(exist_ok=True)
            (directory / "__main__.py").write_text(PREAMBLE + dedent(text))
            if not made:
                made.append(stack.enter_context(engine.project("local", program=directory)))
            made[0].configure(config)
            return made[0]

        yield write

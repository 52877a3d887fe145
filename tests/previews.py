"""What a committed stack registers, as the gate sees it, without an engine."""

from __future__ import annotations

from functools import cache

from infra.settings.parsing import parse
from infra.stack import Stack
from tests.aws import answers
from tests.stack import record
from tools import paths
from tools.gate import settings
from tools.gate.model import Resource, StackPreview


@cache
def preview(stack: str) -> StackPreview:
    """Every resource of a stack with its inputs."""
    read = parse(settings.configuration(stack), file=str(settings.file(stack)), root=paths.ROOT)
    recorded = record(lambda: Stack(read), mocks=answers(), stack=stack)
    return StackPreview(
        stack,
        tuple(
            Resource(
                r.urn,
                r.type,
                r.name,
                custom=not r.is_component,
                parent=r.parent,
                protect=r.protect,
                dependencies=tuple(sorted(r.depends_on)),
                inputs=r.inputs,
            )
            for r in recorded.seen.values()
        ),
    )

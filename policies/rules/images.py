"""Images are pinned."""

from __future__ import annotations

from policies.examples import DEPLOYMENT, with_container
from policies.rule import POD_KINDS, Rule

RULES = (
    Rule(
        id="image-pinned",
        severity="mandatory",
        source="CIS Kubernetes Benchmark 5.5; image provenance",
        title="every image has a digest or a tag, and the tag is not latest",
        remedy="give the image a digest (name@sha256:…) or the tag that the build gave it",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, c.image.contains('@sha256:')
                || (c.image.matches('^.*:[A-Za-z0-9_][A-Za-z0-9_.-]*$') && !c.image.endsWith(':latest')))
        """,
        passes=DEPLOYMENT,
        refuses=with_container(image="carbon/demo:latest"),
    ),
)

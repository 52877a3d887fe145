"""Images are pinned, and come from where they may come from."""

from __future__ import annotations

from policies.examples import DEPLOYMENT, DIGEST, with_container, with_init_container
from policies.rule import POD_KINDS, ObjectRule

RULES = (
    ObjectRule(
        id="image-pinned",
        source="CIS Kubernetes Benchmark 5.5; image provenance",
        title="every image has a digest or a tag, and the tag is not latest",
        remedy="give the image a digest (name@sha256:…) or the tag that the build gave it",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, (c.image.contains('@sha256:')
                    || c.image.matches('^.*:[A-Za-z0-9_][A-Za-z0-9_.-]*$'))
                && !c.image.endsWith(':latest') && !c.image.contains(':latest@'))
        """,
        passes=(DEPLOYMENT,),
        refuses=(with_container(image=f"registry.example/carbon/demo:latest@{DIGEST}"),),
    ),
    ObjectRule(
        id="image-digest",
        source="SLSA: an artifact is named by its digest",
        title="every image is named by its digest where the stack asks for it",
        remedy="name the image as name@sha256:…; a release puts the digests of what it tested into the stack",
        kinds=POD_KINDS,
        expression="!variables.digests || variables.containers.all(c, c.image.contains('@sha256:'))",
        passes=(DEPLOYMENT,),
        refuses=(
            with_container(image="registry.example/carbon/demo:0123456789ab"),
            with_init_container(image="registry.example/carbon/demo:0123456789ab"),
        ),
    ),
    ObjectRule(
        id="image-registry",
        source="NSA and CISA Kubernetes Hardening Guide",
        title="every image comes from a registry that the stack may use",
        remedy="push the image to the stack's own registry, or add its registry to policies/limits.yaml",
        kinds=POD_KINDS,
        expression="variables.containers.all(c, variables.registries.exists(r, c.image.startsWith(r)))",
        passes=(DEPLOYMENT,),
        refuses=(
            with_container(image=f"elsewhere.example/carbon/demo@{DIGEST}"),
            with_container(image=f"registry.example.elsewhere.example/demo@{DIGEST}"),
            with_init_container(image=f"demo@{DIGEST}"),
        ),
    ),
)

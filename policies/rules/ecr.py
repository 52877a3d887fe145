"""Images where they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.examples import aws
from policies.limits import Limits
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule, first

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
FSBP = "AWS Foundational Security Best Practices"


def _mutable(repository: Resource, _: Limits) -> Iterator[str]:
    if (mutability := repository.get("imageTagMutability", "MUTABLE")) != "IMMUTABLE":
        yield f"imageTagMutability is {mutability}"


def _unscanned(repository: Resource, _: Limits) -> Iterator[str]:
    if not repository.get("imageScanningConfiguration.scanOnPush"):
        yield "scanOnPush is not set"


def _plain(repository: Resource, _: Limits) -> Iterator[str]:
    block: dict[str, Any] = first(repository.get("encryptionConfigurations", [])) or {}
    if block.get("encryptionType") != "KMS" or not block.get("kmsKey"):
        yield "no key of the stack encrypts it"


def _forced(repository: Resource, _: Limits) -> Iterator[str]:
    if repository.get("forceDelete"):
        yield "forceDelete is set"


def _endless(stack: Stack, _: Limits) -> Iterator[Finding]:
    policies = list(stack.of(LIFECYCLE))
    for repository in stack.of(REPOSITORY):
        if not any(policy.refers_to("repository", repository) for policy in policies):
            yield Finding(repository, "it has no LifecyclePolicy")


def _repository(**props: Any) -> Resource:
    good: dict[str, Any] = {
        "name": "demo",
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": "arn:aws:kms:demo"}],
    }
    return aws(REPOSITORY, **{**good, **props})


RULES = (
    ResourceRule(
        id="ecr-immutable",
        source=f"{FSBP} ECR.2",
        title="a tag of an image never comes to mean another image",
        remedy="set imageTagMutability: IMMUTABLE",
        types=frozenset({REPOSITORY}),
        check=_mutable,
        passes=(_repository(),),
        refuses=(_repository(imageTagMutability="MUTABLE"), _repository(imageTagMutability=None)),
    ),
    ResourceRule(
        id="ecr-scanned",
        source=f"{FSBP} ECR.1",
        title="images are scanned when they are pushed",
        remedy="set imageScanningConfiguration.scanOnPush",
        types=frozenset({REPOSITORY}),
        check=_unscanned,
        passes=(_repository(),),
        refuses=(
            _repository(imageScanningConfiguration={"scanOnPush": False}),
            _repository(imageScanningConfiguration=None),
        ),
    ),
    ResourceRule(
        id="ecr-encrypted",
        source=f"{FSBP} ECR.5",
        title="a KMS key of the stack encrypts images",
        remedy="set encryptionConfigurations with encryptionType: KMS and the key",
        types=frozenset({REPOSITORY}),
        check=_plain,
        passes=(_repository(),),
        refuses=(
            _repository(encryptionConfigurations=[{"encryptionType": "AES256"}]),
            _repository(encryptionConfigurations=None),
        ),
    ),
    ResourceRule(
        id="ecr-not-force-deleted",
        source="AWS Well-Architected, Reliability Pillar REL09",
        title="a repository that holds images cannot be deleted",
        remedy="remove forceDelete",
        types=frozenset({REPOSITORY}),
        check=_forced,
        passes=(_repository(),),
        refuses=(_repository(forceDelete=True),),
    ),
    StackRule(
        id="ecr-life-cycle",
        source=f"{FSBP} ECR.3",
        title="images that nobody runs any more go away",
        remedy="add a LifecyclePolicy",
        about=(REPOSITORY, LIFECYCLE),
        check=_endless,
        passes=((_repository(), aws(LIFECYCLE, repository=_repository())),),
        refuses=((_repository(),), (_repository(), aws(LIFECYCLE, repository="other"))),
    ),
)

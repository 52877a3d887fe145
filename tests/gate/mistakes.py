"""Deliberate mistakes, and the check that is named for each beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """An edit that a review might miss.

    Attributes:
        file: the file, from the root of the checkout.
        before: text that stands in it exactly once.
        after: what it becomes.
        stack: the stack that it is looked for in.
        check: the id of the check that has to find it.
        says: words of the message.
        alone: whether nothing else can be looked for beside it, since it hides what others do.
    """

    id: str
    file: str
    before: str
    after: str
    stack: str
    check: str
    says: str
    alone: bool = False


MONITORING = "stacks/sets/monitoring.yaml"
EKS = "stacks/base/eks.yaml"
BUCKET = "infra/components/aws/bucket.py"
POD = "infra/manifests/pod_template.py"

MISTAKES = (
    Mistake(
        id="typo-in-settings",
        file=MONITORING,
        before="scrape_interval_seconds: 10",
        after="scrape_interval_second: 10",
        stack="local",
        check="settings",
        says="scrape_interval_second is not a setting",
        alone=True,
    ),
    Mistake(
        id="wrong-type-in-settings",
        file=MONITORING,
        before="scrape_interval_seconds: 10",
        after="scrape_interval_seconds: ten",
        stack="local",
        check="settings",
        says='scrape_interval_seconds = "ten"',
        alone=True,
    ),
    Mistake(
        id="missing-quota",
        file="infra/components/namespace.py",
        before="self.add_all(defaults, after=[made])",
        after="self.add_all([d for d in defaults if d['kind'] != 'ResourceQuota'], after=[made])",
        stack="local",
        check="policy/namespace-quota",
        says="a namespace has a quota",
    ),
    Mistake(
        id="latest-tag",
        file=POD,
        before='"image": w.image,',
        after='"image": w.image.partition("@")[0] + ":latest",',
        stack="local",
        check="policy/image-pinned",
        says="the tag is not latest",
    ),
    Mistake(
        id="writable-root",
        file="infra/manifests/pods.py",
        before='made["readOnlyRootFilesystem"] = True',
        after='made["readOnlyRootFilesystem"] = False',
        stack="local",
        check="policy/container-read-only-root",
        says="the root file system is read-only",
    ),
    Mistake(
        id="misspelt-field-of-an-object",
        file=POD,
        before='"image": w.image,',
        after='"image": w.image, "imagePullPolice": "Never",',
        stack="local",
        check="engine",
        says="is not a property of Container",
        alone=True,
    ),
    Mistake(
        id="public-bucket",
        file=BUCKET,
        before="block_public_policy=True,",
        after="block_public_policy=False,",
        stack="dr",
        check="policy/s3-public-access-blocked",
        says="public access to every bucket is blocked",
    ),
    Mistake(
        id="dropped-encryption",
        file=BUCKET,
        before='sse_algorithm="aws:kms", kms_master_key_id=key_arn',
        after='sse_algorithm="AES256"',
        stack="dr",
        check="policy/s3-encrypted",
        says="a KMS key of the stack encrypts every bucket",
    ),
    Mistake(
        id="unprotected-bucket",
        file=BUCKET,
        before="opts=self.below(protect=args.site.protect),",
        after="opts=self.below(),",
        stack="dr",
        check="data-kept",
        says="is protected no more",
    ),
    Mistake(
        id="key-without-rotation",
        file="infra/components/aws/keys.py",
        before="enable_key_rotation=True,",
        after="enable_key_rotation=False,",
        stack="dr",
        check="policy/kms-rotation",
        says="a key's material is renewed every year",
    ),
    Mistake(
        id="renamed-component",
        file="infra/layers/foundation.py",
        before='Buckets("buckets", ',
        after='Buckets("stores", ',
        stack="dr",
        check="data-kept",
        says="has vanished: no alias points to it",
        alone=True,
    ),
    Mistake(
        id="star-in-a-policy",
        file="infra/manifests/iam/services.py",
        before='["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]',
        after='["logs:*"]',
        stack="dr",
        check="policy/iam-no-wildcard-action",
        says="a policy names every action that changes something",
    ),
    Mistake(
        id="action-that-does-not-exist",
        file="infra/manifests/iam/services.py",
        before='["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]',
        after='["logs:CreateLogStreams", "logs:DescribeLogStreams", "logs:PutLogEvents"]',
        stack="dr",
        check="iam-lint",
        says="logs:CreateLogStreams",
    ),
    Mistake(
        id="tags-that-move",
        file="infra/components/aws/registry.py",
        before='image_tag_mutability="IMMUTABLE",',
        after='image_tag_mutability="MUTABLE",',
        stack="dr",
        check="policy/ecr-immutable",
        says="a tag of an image never comes to mean another image",
    ),
    Mistake(
        id="untagged",
        file="infra/components/aws/provider.py",
        before="        default_tags=aws.ProviderDefaultTagsArgs(tags=tags.tags(labels)),\n",
        after="",
        stack="dr",
        check="policy/tags-required",
        says="everything carries the tags",
    ),
    Mistake(
        id="workload-without-network-policy",
        file="infra/components/base.py",
        before="with_buckets(policy) if paths.buckets else policy]",
        after="*([] if with_buckets(policy) else [])]",
        stack="local",
        check="policy/network-policy-present",
        says="a network policy of its own selects the pods",
    ),
    Mistake(
        id="provider-that-is-not-known",
        file="infra/cluster.py",
        before="        context=cluster.context,\n        cluster_identifier=cluster.identifier,",
        after="        context=pulumi.Output.from_input(pulumi.runtime.rpc.UNKNOWN),\n"
        "        cluster_identifier=cluster.identifier,",
        stack="local",
        check="provider-inputs",
        says="is unknown before the update",
        alone=True,
    ),
    Mistake(
        id="missing-secrets",
        file=EKS,
        before="  carbon:secrets: {kind: external, refresh_interval: 15m, sources: [entsoe]}\n",
        after="",
        stack="prod",
        check="settings",
        says="carbon:secrets is missing",
        alone=True,
    ),
    Mistake(
        id="replayed-prices-in-production",
        file=EKS,
        before="  carbon:price_pipeline:\n",
        after="  carbon:price_pipeline:\n"
        "    replay: {resources: {cpu: 20m, memory: 256Mi, memory_limit: 512Mi}}\n",
        stack="prod",
        check="settings",
        says="price_pipeline.replay publishes replay prices",
        alone=True,
    ),
    Mistake(
        id="synthetic-prices-in-production",
        file="infra/workloads/price_pipeline.py",
        before='",".join(site.provenance)',
        after='"market,synthetic"',
        stack="prod",
        check="policy/prices-are-real",
        says="no pod publishes synthetic or replayed prices",
    ),
    Mistake(
        id="public-endpoint",
        file="infra/components/aws/eks.py",
        before="endpoint_public_access=bool(public),",
        after="endpoint_public_access=True,",
        stack="prod",
        check="policy/eks-endpoint-closed",
        says="the cluster's API answers its network",
    ),
    Mistake(
        id="wrong-chart-key",
        file="infra/manifests/charts/kyverno.py",
        before='"admissionController": {',
        after='"admisionController": {',
        stack="prod",
        check="chart-values",
        says="admisionController",
    ),
    Mistake(
        id="broken-custom-resource",
        file="infra/manifests/resources/cloudnative_pg.py",
        before='"walStorage": _volume(settings.wal_storage),',
        after='"walStore": _volume(settings.wal_storage),',
        stack="prod",
        check="api-server",
        says="walStore",
    ),
    Mistake(
        id="unprotected-database",
        file="infra/components/cloudnative_pg.py",
        before="            protect=protect,\n",
        after="",
        stack="prod",
        check="data-kept",
        says="is protected no more",
    ),
    Mistake(
        id="key-deleted-at-once",
        file="infra/components/aws/keys.py",
        before="deletion_window_in_days=args.deletion_days",
        after="deletion_window_in_days=3",
        stack="dr",
        check="cfn-lint",
        says="PendingWindowInDays",
    ),
)


def together(mistakes: Sequence[Mistake]) -> list[tuple[Mistake, ...]]:
    """Those that are made in one tree: of one stack, in different places, and none that must be alone."""
    made: list[list[Mistake]] = []
    for one in mistakes:
        fitting = (group for group in made if not one.alone and all(_apart(one, other) for other in group))
        if (group := next(fitting, None)) is None:
            made.append([one])
        else:
            group.append(one)
    return [tuple(group) for group in made]


def _apart(one: Mistake, other: Mistake) -> bool:
    return (
        not other.alone and one.stack == other.stack and (one.file, one.before) != (other.file, other.before)
    )

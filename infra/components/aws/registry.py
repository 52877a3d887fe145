"""The container registry."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.settings.aws import RegistrySettings


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """Args:
    key_arn: key of the images.
    """

    site: AwsSite
    settings: RegistrySettings
    key_arn: pulumi.Input[str]


class Registry(AwsComponent):
    """A repository for each image: a tag never moves, each image is scanned, old ones go."""

    TYPE: ClassVar[str] = "carbon:aws:Registry"

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings, names = args.settings, args.site.names
        if settings.source_environment is not None:
            names = replace(names, environment=settings.source_environment)
        for image in settings.images:
            repository = aws.ecr.Repository(
                self.child(image),
                name=names.repository(image),
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(
                    scan_on_push=True
                ),
                encryption_configurations=[
                    aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key_arn)
                ],
                opts=self.below(protect=args.site.protect),
            )
            aws.ecr.LifecyclePolicy(
                self.child(image),
                repository=repository.name,
                policy=json.dumps(life_cycle(settings)),
                opts=self.below(),
            )
        if settings.replicate_to is not None:
            self._replicate(settings.replicate_to, names.repository(""), names.account_id)
        self.register_outputs({"host": names.registry})

    def _replicate(self, region: str, prefix: str, account_id: str) -> None:
        destination = aws.ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArgs(
            region=region, registry_id=account_id
        )
        mine = aws.ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArgs(
            filter=prefix, filter_type="PREFIX_MATCH"
        )
        aws.ecr.ReplicationConfiguration(
            self._name,
            replication_configuration=aws.ecr.ReplicationConfigurationReplicationConfigurationArgs(
                rules=[
                    aws.ecr.ReplicationConfigurationReplicationConfigurationRuleArgs(
                        destinations=[destination], repository_filters=[mine]
                    )
                ]
            ),
            opts=self.below(),
        )


def life_cycle(settings: RegistrySettings) -> dict[str, list[dict[str, object]]]:
    """Which images go, and when."""
    untagged = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": settings.untagged_days,
    }
    old = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": settings.keep}
    return {
        "rules": [
            {
                "rulePriority": priority,
                "description": description,
                "selection": selection,
                "action": {"type": "expire"},
            }
            for priority, description, selection in (
                (1, "Without a tag", untagged),
                (2, "Older than those that are kept", old),
            )
        ]
    }

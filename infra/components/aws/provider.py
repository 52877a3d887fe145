"""The one provider that everything at AWS goes through."""

from __future__ import annotations

import pulumi_aws as aws

from infra import tags
from infra.settings.aws import Aws
from infra.settings.base import Labels


def provider(labels: Labels, settings: Aws) -> aws.Provider:
    """The provider: of one region, of one account and no other, with the tags of everything."""
    return aws.Provider(
        "aws",
        region=settings.region,
        allowed_account_ids=[settings.account_id],
        default_tags=aws.ProviderDefaultTagsArgs(tags=tags.tags(labels)),
    )

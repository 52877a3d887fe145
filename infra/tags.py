"""Tags of AWS resources: who runs the stack and who pays for it."""

from __future__ import annotations

from infra.settings.base import Labels


def tags(identity: Labels) -> dict[str, str]:
    """Tags of everything that a stack has at AWS: the provider sets them, as `default_tags`."""
    return {
        "env": identity.environment,
        "owner": identity.owner,
        "team": identity.team,
        "product": identity.product,
        "cost-center": identity.cost_center,
        "managed-by": "pulumi",
    }

"""The budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.settings.aws import CostBudget

_NOTICES: Final = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
"""When somebody is told: (of what, percent of the limit)."""


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """Args:
    settings: the limit, and who is told.
    """

    site: AwsSite
    settings: CostBudget


class Budget(AwsComponent):
    """A monthly budget of what has the environment's tag; `env` has to be active as a cost allocation tag."""

    TYPE: ClassVar[str] = "carbon:aws:Budget"

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        aws.budgets.Budget(
            name,
            name=args.site.names.prefix,
            account_id=args.site.names.account_id,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(args.settings.monthly_usd),
            limit_unit="USD",
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(
                    name="TagKeyValue", values=[f"user:env${args.site.labels.environment}"]
                )
            ],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(args.settings.notify),
                )
                for kind, percent in _NOTICES
            ],
            opts=self.below(),
        )
        self.register_outputs({})

"""What if: named changes of a curve, one after the other."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from workloads.kit.curves.build import Curve
from workloads.kit.curves.quotes import Amount, Product
from workloads.kit.windows import Floats


class _Step(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Shift(_Step):
    """All hours, or those of a product, cost so much more."""

    kind: Literal["shift"]
    amount: Amount = Field(description="In the curve's unit; negative for less.")
    of: Product | None = Field(default=None, description="Of these hours; all by default.")

    def on(self, curve: Curve) -> Floats:
        """The prices that follow; shape (H,)."""
        if self.of is None:
            return curve.prices + self.amount
        prices = curve.prices.copy()
        prices[curve.hours(self.of)] += self.amount
        return prices


class Tilt(_Step):
    """The far end costs so much more than it does, the near end as it does, and what is between in line."""

    kind: Literal["tilt"]
    amount: Amount = Field(description="Of the last hour, in the curve's unit; negative for less.")

    def on(self, curve: Curve) -> Floats:
        """The prices that follow; shape (H,)."""
        return curve.prices + self.amount * np.linspace(0.0, 1.0, len(curve.prices))


class Reshape(_Step):
    """Hours differ from the mean of their day by a multiple of what they do; days keep their means."""

    kind: Literal["shape"]
    factor: Annotated[float, Field(ge=0, le=100)] = Field(description="1 changes nothing, 0 makes days flat.")

    def on(self, curve: Curve) -> Floats:
        """The prices that follow; shape (H,)."""
        mean = curve.daily()[curve.grid.day]
        return mean + self.factor * (curve.prices - mean)


class Outage(_Step):
    """A plant is away: so much more an hour from one instant to another, as merit orders have it."""

    kind: Literal["outage"]
    megawatts: Annotated[float, Field(ge=-1e6, le=1e6)] = Field(description="That are missing.")
    per_gigawatt: Amount = Field(description="What prices rise by for each 1,000 MW, in the curve's unit.")
    of: Product = Field(description="The hours without it.")

    def on(self, curve: Curve) -> Floats:
        """The prices that follow; shape (H,)."""
        prices = curve.prices.copy()
        prices[curve.hours(self.of)] += self.per_gigawatt * self.megawatts / 1000
        return prices


Step = Annotated[Shift | Tilt | Reshape | Outage, Field(discriminator="kind")]


class Scenario(_Step):
    """Steps, each on what the one before it made."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]
    steps: list[Step] = Field(min_length=1, max_length=32)

    def on(self, curve: Curve) -> Curve:
        """The curve that it makes of another.

        Raises:
            ValueError: a step is of hours that the curve does not have.
        """
        for step in self.steps:
            curve = curve.renamed(self.name, step.on(curve))
        return curve

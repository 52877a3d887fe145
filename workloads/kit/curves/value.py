"""What a curve says of a position and of a plant: profit and loss, spark and dark spreads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from workloads.kit.curves.build import Curve
from workloads.kit.curves.quotes import Amount, Product
from workloads.kit.windows import Floats


class Position(Product):
    """So many MW in each hour of a product, bought at a price, or sold where negative."""

    megawatts: float = Field(ge=-1e6, le=1e6, description="Bought; negative where sold.")
    price: Amount = Field(description="At which it was traded, in the curve's unit.")


@dataclass(frozen=True, slots=True)
class Value:
    """A position against a curve: hours, MWh, mean of its hours, and what has been gained, in currency."""

    hours: int
    energy: float
    mean: float
    profit: float


def value(position: Position, curve: Curve) -> Value:
    """A position's worth.

    Raises:
        ValueError: as `Curve.mean`.
    """
    hours = curve.hours(position)
    mean = float(curve.prices[hours].mean())
    energy = position.megawatts * len(hours)
    return Value(len(hours), energy, mean, energy * (mean - position.price))


@dataclass(frozen=True, slots=True)
class Plant:
    """What a plant makes of its fuel.

    Args:
        efficiency: MWh of power from a MWh of fuel, within (0, 1].
        energy: MWh of a unit of fuel as it is priced: 1 for gas in MWh, near 6.98 for a tonne of coal of
            6000 kcal/kg.
        emission: tonnes of CO2 a MWh of fuel: near 0.202 for gas, 0.34 for hard coal.
    """

    efficiency: float
    energy: float = 1.0
    emission: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.efficiency <= 1:
            raise ValueError(f"efficiency {self.efficiency}: give a share above 0 and not above 1")
        if not (self.energy > 0 and np.isfinite(self.energy)):
            raise ValueError(f"energy {self.energy}: give the MWh of a unit of fuel, above 0")
        if not (self.emission >= 0 and np.isfinite(self.emission)):
            raise ValueError(f"emission {self.emission}: give tonnes of CO2 a MWh of fuel, 0 or more")


def spread(power: Floats, fuel: Floats | float, plant: Plant, carbon: Floats | float = 0.0) -> Floats:
    """What a plant earns a MWh of power: of gas the spark, of coal the dark spread, clean with `carbon`.

    Args:
        power: prices a MWh, of any shape; what else is given is of the same shape, or one number.
        fuel: a unit of fuel, in the same currency.
        carbon: a tonne of CO2, in the same currency.
    """
    return power - (fuel / plant.energy + plant.emission * carbon) / plant.efficiency

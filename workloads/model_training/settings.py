"""Settings of training and of the monitor."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from workloads.kit.features import FeatureSpec
from workloads.kit.settings import NonEmpty, PostgresSettings

MOST_JUDGED = 0.75
"""Share of the rows that all walk-forward windows may take together."""


def _spec(text: str) -> str:
    FeatureSpec.parse(text)
    return text


class RegistrySettings(PostgresSettings):
    """Where prices are read, models kept and events recorded."""

    mlflow_tracking_uri: NonEmpty


class TrainingSettings(RegistrySettings):
    """What is trained and when a model is good enough. Rows and windows count sessions."""

    code_version: NonEmpty = "unversioned"

    feature_windows: Annotated[str, AfterValidator(_spec)] = "7,30,90"
    """Windows of the features: short, main, and any longer ones. The server must be given the same."""

    trees: int = Field(default=100, ge=1)
    max_depth: int = Field(default=6, ge=1, le=16)
    min_leaf_rows: int = Field(default=50, ge=1)
    feature_share: float = Field(default=1 / 3, gt=0, le=1)
    """Share of the features that a split may choose from."""
    random_state: int = 20_261_121
    fit_jobs: int = Field(default=2, ge=1)

    min_rows: int = Field(default=200, ge=60)
    """Fewer usable rows than this and the symbol gets no model."""
    folds: int = Field(default=3, ge=1)
    """Walk-forward windows before the last one; their residuals calibrate the intervals."""
    evaluation_share: float = Field(default=0.15, gt=0, le=0.25)
    evaluation_max_rows: int = Field(default=500, ge=20)
    """A walk-forward window is this share of the rows, and no longer than that. Of a last one shorter than
    28 rows no lead is told from luck: nothing is promoted."""
    embargo_sessions: int = Field(default=1, ge=0)
    """Rows left out before each evaluation window, beside those whose label was not known yet."""
    nominal_level: float = Field(default=0.9, gt=0, lt=1)

    min_skill: float = 0.01
    """Least skill (1 - MAE / MAE of the naive last value) on the last window."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """One-sided level at which the skill must be above zero."""
    resamples: int = Field(default=2000, ge=100)
    quarantine_sessions: int = Field(default=60, ge=0)
    """Sessions that have to come after a roll-back before a symbol has a champion again: of what was known
    when it fell, the next night makes the same model."""

    @property
    def judged(self) -> float:
        """Share of the rows that the windows take together."""
        return (self.folds + 1) * self.evaluation_share

    @property
    def fewest_learned(self) -> int:
        """Rows known before a window opens, fewer than which are no model: half of what the shortest history
        leaves to learn from before its first window."""
        return int(self.min_rows * (1 - self.judged) / 2)

    @model_validator(mode="after")
    def _something_is_left_to_learn_from(self) -> Self:
        judged = self.judged
        if judged > MOST_JUDGED:
            raise ValueError(
                f"folds {self.folds} and evaluation_share {self.evaluation_share} judge on {judged:.0%} of "
                f"the rows, at most {MOST_JUDGED:.0%} leave enough to learn from: lower one of them"
            )
        return self


class MonitorSettings(RegistrySettings):
    """When a champion's live record is bad enough to roll it back."""

    live_outcomes: int = Field(default=250, ge=1)
    """Newest predictions with a known outcome that are looked at."""
    live_min_outcomes: int = Field(default=60, ge=1)
    """Fewer than this and nothing is concluded."""
    live_min_skill: float = 0.0
    """A champion whose live skill is below this, beyond chance, is rolled back."""
    live_confidence: float = Field(default=0.999, gt=0.5, lt=1)
    """One-sided level at which it must be below, at each look. There is one with each outcome: within a year
    2 to 3 % of the champions that are as good as naive are found bad (`make bench PARTS=nights`), and three
    times as many at 0.99."""
    resamples: int = Field(default=2000, ge=100)
    random_state: int = 20_261_121

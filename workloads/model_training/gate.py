"""When a model may be called good."""

from __future__ import annotations

from dataclasses import dataclass

from workloads.kit.contracts.models import Score
from workloads.model_training.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class Rival:
    """The current champion's skill on the candidate's last window, which the candidate did not see, and the
    candidate's `lead` over it: the one-sided lower confidence bound of 1 - MAE / MAE of the champion."""

    version: int
    skill: float
    lead: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the gate passes; `reasons` names each condition that failed, or how it passed."""

    passed: bool
    reasons: list[str]


def judge(last: Score, walk_forward: Score, rival: Rival | None, settings: TrainingSettings) -> Verdict:
    """Four conditions, so that one lucky window is not enough: on the last window the skill reaches
    `min_skill` and is above zero with `confidence`, and so is the lead over the champion; over the
    walk-forward windows before it, the skill is above zero.

    A candidate that is as good as the champion does not take its place: who is replaced each night has no
    live record, and its skill is never proven where it counts. What is no number reaches nothing."""
    failed: list[str] = []
    if not last.skill >= settings.min_skill:
        failed.append(f"skill {last.skill:+.4f} is below {settings.min_skill}")
    if not last.lower > 0:
        failed.append(
            f"skill is not above zero with {settings.confidence:.0%} confidence ({last.lower:+.4f})"
        )
    if not walk_forward.skill > 0:
        failed.append(f"walk-forward skill {walk_forward.skill:+.4f} is not above zero")
    if rival is not None and not last.skill >= rival.skill:
        failed.append(f"champion version {rival.version} does better on the same window ({rival.skill:+.4f})")
    elif rival is not None and not rival.lead > 0:
        failed.append(
            f"champion version {rival.version} is not beaten with {settings.confidence:.0%} confidence"
            f" ({rival.lead:+.4f})"
        )
    if failed:
        return Verdict(False, failed)
    beaten = f" and champion version {rival.version} ({rival.skill:+.4f})" if rival else ""
    return Verdict(True, [f"skill {last.skill:+.4f} (at least {last.lower:+.4f}) beats naive{beaten}"])

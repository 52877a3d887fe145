"""When a model may be called good."""

from __future__ import annotations

from dataclasses import dataclass

from workloads.kit.contracts.models import Score
from workloads.model_training.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class Rival:
    """The current champion's skill on the candidate's last window, which the candidate did not see."""

    version: int
    skill: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the gate passes; `reasons` names each condition that failed, or how it passed."""

    passed: bool
    reasons: list[str]


def judge(last: Score, walk_forward: Score, rival: Rival | None, settings: TrainingSettings) -> Verdict:
    """Four conditions, so that one lucky window is not enough: on the last window the skill reaches
    `min_skill`, is above zero with `confidence` and is not below the champion's; over the walk-forward
    windows before it, it is above zero."""
    failed: list[str] = []
    if last.skill < settings.min_skill:
        failed.append(f"skill {last.skill:+.4f} is below {settings.min_skill}")
    if last.lower <= 0:
        failed.append(
            f"skill is not above zero with {settings.confidence:.0%} confidence ({last.lower:+.4f})"
        )
    if walk_forward.skill <= 0:
        failed.append(f"walk-forward skill {walk_forward.skill:+.4f} is not above zero")
    if rival is not None and last.skill < rival.skill:
        failed.append(f"champion version {rival.version} does better on the same window ({rival.skill:+.4f})")
    if failed:
        return Verdict(False, failed)
    beaten = f" and champion version {rival.version} ({rival.skill:+.4f})" if rival else ""
    return Verdict(True, [f"skill {last.skill:+.4f} (at least {last.lower:+.4f}) beats naive{beaten}"])

"""The one model of a stack's configuration.

A stack file has one key a section (`carbon:kafka`, `carbon:postgres`, …); these modules say what each may
hold, those of workloads their rooms (`infra/workloads`). It may lie over a base (`bases`). Environments
differ in these values and in which implementation a `kind` picks, in nothing else. `stack` puts the sections
together, `parsing` reads them.
"""

from __future__ import annotations

from infra.settings.base import Labels, Quota, Resources, Section, Storage

__all__ = ["Labels", "Quota", "Resources", "Section", "Storage"]

"""The one model of a stack's configuration.

A stack file has one key a section (`carbon:kafka`, `carbon:postgres`, …); these modules say what each may
hold. Environments differ in these values and in which implementation a `kind` picks, in nothing else.
"""

from __future__ import annotations

from infra.settings.base import Labels, Quota, Resources, Section, Storage
from infra.settings.parsing import SettingsError, parse
from infra.settings.stack import GIVEN_AT_RUN_TIME, NAMESPACE, PlatformSettings, StackSettings

__all__ = [
    "GIVEN_AT_RUN_TIME",
    "NAMESPACE",
    "Labels",
    "PlatformSettings",
    "Quota",
    "Resources",
    "Section",
    "SettingsError",
    "StackSettings",
    "Storage",
    "parse",
]

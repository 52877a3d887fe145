"""The stack's configuration, from the engine."""

from __future__ import annotations

import pulumi
from pulumi.runtime.config import CONFIG

from infra.settings.bases import SettingsError
from infra.settings.parsing import parse
from infra.settings.stack import StackSettings


def settings() -> StackSettings:
    """Settings of the running stack.

    Raises:
        pulumi.RunError: they are refused; the engine shows the message alone, without a traceback.
    """
    try:
        return parse(CONFIG.get(), file=f"stacks/Pulumi.{pulumi.get_stack()}.yaml")
    except SettingsError as error:
        raise pulumi.RunError(f"the stack's configuration is refused:\n{error}") from None

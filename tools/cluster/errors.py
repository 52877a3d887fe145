"""What can go wrong with a node, beyond the errors that every tool shares."""

from tools.errors import ToolError


class NotRunning(ToolError):
    """The instance has no running node."""

    exit_code = 4


class Busy(ToolError):
    """Another command is changing the instance."""

    exit_code = 5

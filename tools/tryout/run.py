"""A run from its beginning to its end: brought up, shown, watched, and ended however it ends."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tools import cached, paths
from tools.console import console, duration, step
from tools.errors import ToolError, UsageError
from tools.tryout import prerequisites, records, view
from tools.tryout.bring_up import BringUp
from tools.tryout.stand import Stand
from tools.tryout.table import WORKLOADS, Workload

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SUPERVISOR_SECONDS = 60.0
"""How long the command of a run has to end it when asked to."""


class Stop(KeyboardInterrupt):
    """The person wants it to end, or their terminal is gone."""


def up(only: str | None, *, detach: bool) -> None:
    """Run until told to end.

    Args:
        only: the workload that the person runs; all others are started.
        detach: return once it predicts, and leave it up.

    Raises:
        ToolError: it did not come up; nothing of it is left.
        Stop: likewise, as it was interrupted.
    """
    theirs = _named(only)
    if theirs and detach:
        raise UsageError(
            "DETACH leaves it up once it predicts, and with ONLY it waits for you.",
            remedy="Leave one of them out.",
        )
    stand = Stand.named()
    with _alone(stand), _stopping():
        started = time.monotonic()
        if stand.dir.exists():
            with step("Ending what an earlier run left"):
                stand.clear()
        prerequisites.check()
        predicts = keep = False
        try:
            stand.prepare()
            processes = BringUp(stand, theirs).run()
            view.show(stand)
            predicts = True
            console.print(f"\n[bold green]it predicts[/] after {duration(time.monotonic() - started)}")
            if detach:
                stand.detach()
                keep = True
                console.print("make try-down ends it")
            else:
                console.print("Ctrl-C ends it and leaves nothing but the cache\n")
                view.watch(stand, processes)
        except Stop:
            # Before that it is not what was asked for: whoever waits for it must not go on.
            if not predicts or detach:
                raise
        except ToolError as error:
            _keep_log(error)
            raise
        finally:
            if not keep:
                _end(stand)


def down() -> None:
    """End the instance's run, and whatever is left of one whose command was killed."""
    stand = Stand.named()
    if not stand.dir.exists():
        console.print(f"nothing is up: there is no {stand.dir}")
        return
    with step("Ending it"):
        if (command := stand.supervisor) and command.alive():
            # It ends its processes itself.
            records.end([command], {}, _SUPERVISOR_SECONDS)
        stand.clear()


def _named(only: str | None) -> Workload | None:
    if only is None:
        return None
    known = {workload.name: workload for workload in WORKLOADS}
    if only not in known:
        raise UsageError(
            f"ONLY={only!r} is no workload of make try.", remedy=f"There are: {', '.join(known)}"
        )
    return known[only]


def _keep_log(error: ToolError) -> None:
    """Put the log that an error points at where it outlives the run."""
    if error.log and error.log.is_file():
        kept = cached.new_log(f"try-{error.log.stem}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(error.log, kept)
        error.log = kept


def _end(stand: Stand) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    # The terminal may be gone.
    with suppress(OSError):
        console.print("\nending it …")
    stand.clear()
    with suppress(OSError):
        console.print("[green]✓[/] nothing of it is left but the cache")


@contextmanager
def _alone(stand: Stand) -> Iterator[None]:
    """Hold the instance: a second run of it is refused, before and after the first has been left up."""

    def refuse() -> None:
        raise UsageError(f"make try is running already ({stand.dir}).", remedy="make try-down ends it.")

    with cached.exclusive(f"try-{paths.instance()}", refuse):
        if stand.detached() and any(process.alive() for process in stand.processes()):
            refuse()
        yield


@contextmanager
def _stopping() -> Iterator[None]:
    """Turn what ends a command into `Stop`, so that it is ended in order."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stop

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

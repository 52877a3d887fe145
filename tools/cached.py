"""Directories in the cache that are made once: whole or not there at all, by one process at a time."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import console
from tools.paths import cache_dir


def directory(target: Path, *, lock: str, title: str, fill: Callable[[Path, console.Step], None]) -> Path:
    """Return `target`, made by `fill` unless it is there.

    `fill` gets an empty directory beside it, which takes its name when `fill` returns; when it raises, or the
    process is killed, nothing is left under that name. Another process meanwhile waits for the lock and then
    finds it made.

    Args:
        lock: the name of the lock; also names the directories that are still being filled.
        title: the step's title.
    """
    if target.is_dir():
        return target
    with console.step(title) as step, exclusive(lock, lambda: step.detail("waiting for another process")):
        if target.is_dir():
            step.note("another process made it")
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f".{lock}.*"):
            shutil.rmtree(leftover, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{lock}.", dir=target.parent))
        try:
            fill(scratch, step)
            scratch.chmod(0o755)
            scratch.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def new_log(name: str) -> Path:
    """An empty log in the cache, for a step whose result is cached: `<cache>/logs/<name>.log`."""
    log = cache_dir() / "logs" / f"{name}.log"
    log.unlink(missing_ok=True)
    return log


@contextmanager
def exclusive(name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock `name`, which the kernel releases when its holder ends however it ends.

    `on_wait` is called once if another process has it.
    """
    locks = cache_dir() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(locks / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait:
                on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

"""Steps that wait for one another and run side by side, with what is done and how long the rest will take.

What the rest takes is not guessed: each step's seconds were recorded, by this machine's last run or else by
that of `tools/durations.json`, and are scaled by how fast this run has been so far.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from rich.markup import escape

from tools import console, paths, proc

REFERENCE = Path(__file__).with_name("durations.json")
"""Step → seconds, of a cold `make up` on two cores; what the cache keeps of a run has the same form."""


@dataclass(frozen=True)
class Step:
    """A part of a run; finds out by itself what there is to do.

    Attributes:
        after: names of the steps that have to be done before.
        lane: steps of one lane run one after the other, in the order in which they are given.
        done: whether there is nothing left to do; such a step takes no time, and none is recorded.
    """

    name: str
    run: Callable[[], object]
    after: Sequence[str] = ()
    lane: str = ""
    done: Callable[[], bool] = lambda: False


@dataclass
class Progress:
    """What a run knows about its time: seconds a step, those that run and those that are over."""

    steps: Sequence[Step]
    seconds: Mapping[str, float]
    started: dict[str, float] = field(default_factory=dict[str, float])
    """Step → when it began, of those that run."""
    took: dict[str, float] = field(default_factory=dict[str, float])
    """Step → seconds, of those that are over."""
    idle: set[str] = field(default_factory=set[str])
    """Steps that had nothing to do."""

    def ready(self) -> list[Step]:
        """The steps that may begin now."""
        return _ready(self.steps, set(self.started), set(self.took))

    def expected(self, step: Step) -> float:
        """Seconds that a step takes on this machine, as far as is known."""
        return 0.0 if step.name in self.idle else self.seconds.get(step.name, 0.0) * self.pace()

    def pace(self) -> float:
        """How many times longer than recorded the steps of this run took that had something to do."""
        known = [name for name in self.took if name in self.seconds and name not in self.idle]
        recorded = sum(self.seconds[name] for name in known)
        return sum(self.took[name] for name in known) / recorded if recorded else 1.0

    def remaining(self, now: float) -> float:
        """Seconds until the last step will be over, when each takes what it is expected to."""
        left = {step.name: self.expected(step) for step in self.steps if step.name not in self.took}
        running = {name: max(left[name] - (now - began), 0.0) for name, began in self.started.items()}
        over, total = set(self.took), 0.0
        while len(over) < len(self.steps):
            for step in _ready(self.steps, set(running), over):
                running[step.name] = left[step.name]
            if not running:
                raise ValueError(
                    f"never to begin: {[step.name for step in self.steps if step.name not in over]}"
                )
            first = min(running, key=lambda name: running[name])
            passed = running.pop(first)
            running = {name: seconds - passed for name, seconds in running.items()}
            total += passed
            over.add(first)
        return total

    def position(self) -> str:
        """Where the run is: `step 4 of 11 · about 9 min to go`; no time if a step was never measured."""
        begun = min(len(self.took) + len(self.started), len(self.steps))
        unknown = {step.name for step in self.steps} - self.seconds.keys() - self.took.keys() - self.idle
        if unknown:
            return f"step {begun} of {len(self.steps)}"
        left = self.remaining(time.monotonic())
        about = f"about {round(left / 60)} min" if left >= 90 else f"about {max(round(left, -1), 10):.0f} s"
        return f"step {begun} of {len(self.steps)} · {about} to go"


def run(steps: Sequence[Step], *, record: str) -> None:
    """Run the steps, each as soon as those are done that it waits for; show where the run is.

    The first failure, or an interrupt, ends the programs of the others and is raised.

    Args:
        record: the name under which the cache keeps what the steps took.

    Raises:
        ValueError: steps wait for each other, or for one that is not among them.
    """
    kept = _read(paths.cache_dir() / "durations" / f"{record}.json")
    progress = Progress(steps, _read(REFERENCE) | kept)
    ended: queue.Queue[tuple[str, BaseException | None]] = queue.Queue()
    by_name = {step.name: step for step in steps}
    progress.remaining(time.monotonic())  # an order that cannot be kept is told before anything begins
    progress.idle |= {step.name for step in steps if step.done()}
    details: dict[str, str] = {}
    terminal = console.console.is_terminal
    with console.console.status("") if terminal else nullcontext() as status:

        def show() -> None:
            if status:
                what = " · ".join(f"{name} {details.get(name, '')}".strip() for name in progress.started)
                status.update(escape(f"{progress.position()} · {what}"))

        def work(step: Step) -> None:
            # Steps within this one are shown as parts of it.
            console.within(lambda text: details.__setitem__(step.name, text))
            try:
                step.run()
            except BaseException as error:  # whatever it is, the run's own thread raises it
                ended.put((step.name, error))
            else:
                ended.put((step.name, None))

        try:
            while len(progress.took) < len(steps):
                for step in progress.ready():
                    progress.started[step.name] = time.monotonic()
                    if not terminal and step.name not in progress.idle:
                        console.say(f"[dim]{progress.position()}[/] · {step.name}")
                    # A daemon: what cannot be ended does not keep an interrupted run alive.
                    threading.Thread(target=work, args=(step,), daemon=True, name=step.name).start()
                show()
                try:
                    name, error = ended.get(timeout=1)
                except queue.Empty:
                    continue
                taken = time.monotonic() - progress.started.pop(name)
                mark = "[red]✗[/]" if error else "[green]✓[/]"
                console.say(f"{mark} {name} [dim]· {console.duration(taken)}[/]")
                if error:
                    raise error
                progress.took[name] = taken
                if by_name[name].name not in progress.idle:
                    kept[name] = round(taken, 1)
        except BaseException:
            proc.kill_all()
            raise
    _write(paths.cache_dir() / "durations" / f"{record}.json", kept)


def _ready(steps: Iterable[Step], running: set[str], over: set[str]) -> list[Step]:
    busy = {step.lane for step in steps if step.lane and step.name in running}
    found: list[Step] = []
    for step in steps:
        if step.name in running or step.name in over or not over.issuperset(step.after):
            continue
        if step.lane in busy:
            continue
        if step.lane:
            busy.add(step.lane)
        found.append(step)
    return found


def _read(file: Path) -> dict[str, float]:
    try:
        return {str(name): float(seconds) for name, seconds in json.loads(file.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _write(file: Path, seconds: Mapping[str, float]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".part")
    draft.write_text(json.dumps(seconds, indent=2))
    draft.replace(file)

"""What a run was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import confluent_kafka
import msgspec

from tools import versions

_PACKAGES = ("onnxruntime", "scikit-learn", "mlflow", "flask", "gunicorn", "pyarrow")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Hardware, load and versions. Load is the system's average over a minute; others may use the machine."""

    cores: int
    memory_gib: float
    cpu: str
    kernel: str
    load_before: float
    load_after: float
    versions: dict[str, str]


def look(load_before: float) -> Machine:
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        cpu=_cpu(),
        kernel=platform.release(),
        load_before=load_before,
        load_after=load(),
        versions={
            "python": platform.python_version(),
            "confluent-kafka": version("confluent-kafka"),
            "librdkafka": confluent_kafka.libversion()[0],
            "Kafka": versions.KAFKA,
            "PostgreSQL": versions.POSTGRESQL,
            **{name: version(name) for name in _PACKAGES},
        },
    )


def load() -> float:
    return os.getloadavg()[0]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()

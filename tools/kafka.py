"""Apache Kafka from Maven Central: its jars in the shared cache."""

from pathlib import Path

from tools import maven
from tools.paths import ROOT

POM = ROOT / "tools" / "kafka" / "pom.xml"
_NAME = "kafka"


def libs() -> Path:
    """The directory of Kafka's jars; the class path is `libs()/*`. Raises as `maven.jars`."""
    return maven.jars(_NAME, POM, title="Fetching Kafka")


def present() -> bool:
    """Whether `libs` has nothing to fetch."""
    return maven.directory(_NAME, POM).is_dir()

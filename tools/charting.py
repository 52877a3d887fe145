"""uPlot, with which the hub draws: its files as a browser takes them, served by data-api itself."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tools import cached, console, maven
from tools.paths import ROOT

POM = ROOT / "tools" / "charting" / "pom.xml"
FILES = ("LICENSE", "dist/uPlot.iife.min.js", "dist/uPlot.min.css")
"""What of the package is served; the licence goes where the code goes."""

_NAME = "charting"


def directory() -> Path:
    """The directory of the files, without folders below. Raises as `maven.jars`."""

    def fill(out: Path, _: console.Step) -> None:
        (jar,) = maven.jars(_NAME, POM, title="Fetching uPlot").glob("uplot-*.jar")
        with zipfile.ZipFile(jar) as archive:
            root = f"META-INF/resources/webjars/uplot/{jar.stem.removeprefix('uplot-')}/"
            for name in FILES:
                (out / Path(name).name).write_bytes(archive.read(root + name))

    return cached.directory(target(), lock="charting-files", title="Unpacking uPlot", fill=fill)


def present() -> bool:
    """Whether `directory` has nothing to fetch."""
    return target().is_dir()


def target() -> Path:
    """Where the files are, or are to be."""
    return maven.directory(_NAME, POM).with_name("files")

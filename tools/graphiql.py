"""GraphiQL, in which people try /graphql: its files as a browser takes them, served by data-api itself."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from tools import cached, console, maven
from tools.paths import ROOT

POM = ROOT / "tools" / "graphiql" / "pom.xml"
FILES: Final = {
    "graphiql": {"LICENSE": "LICENSE", "graphiql.min.js": "graphiql.js", "graphiql.min.css": "graphiql.css"},
    "react": {"umd/react.production.min.js": "react.js", "LICENSE": "LICENSE.react"},
    "react-dom": {"umd/react-dom.production.min.js": "react-dom.js"},
}
"""What of each package is served, and by what name; the licence goes where the code goes."""

_NAME = "graphiql"


def directory() -> Path:
    """The directory of the files, without folders below. Raises as `maven.jars`."""

    def fill(out: Path, _: console.Step) -> None:
        jars = maven.jars(_NAME, POM, title="Fetching GraphiQL")
        for package, names in FILES.items():
            (jar,) = jars.glob(f"{package}-[0-9]*.jar")
            version = jar.stem.removeprefix(f"{package}-")
            with zipfile.ZipFile(jar) as archive:
                for name, served in names.items():
                    content = archive.read(f"META-INF/resources/webjars/{package}/{version}/{name}")
                    (out / served).write_bytes(content)

    return cached.directory(target(), lock="graphiql-files", title="Unpacking GraphiQL", fill=fill)


def present() -> bool:
    """Whether `directory` has nothing to fetch."""
    return target().is_dir()


def target() -> Path:
    """Where the files are, or are to be."""
    return maven.directory(_NAME, POM).with_name("files")

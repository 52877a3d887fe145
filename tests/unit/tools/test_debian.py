"""Debian's packages: what is missing is named, and what only tests need is unpacked instead of installed."""

import os
import subprocess

import pytest

from tests.unit.tools.conftest import Machine
from tools import debian, packages
from tools.errors import CommandFailed, MissingPrerequisite, UsageError

GROUP = {"nowhere-tool": "nowhere-package", "other-tool": "other-package", "sh": "dash"}


@pytest.fixture
def bare(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(packages, "PLACES", ())
    return machine


def test_only_packages_whose_program_is_away_are_missing(bare: Machine) -> None:
    assert debian.missing(GROUP) == ["nowhere-package", "other-package"]
    bare.program("nowhere-tool", ":")
    assert debian.missing(GROUP) == ["other-package"]


def test_one_who_is_not_root_is_told_the_command(bare: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    bare.program("apt-get", f"touch {bare.home}/called")
    with pytest.raises(MissingPrerequisite, match="nowhere-package, other-package") as error:
        debian.ensure(GROUP)
    assert "sudo apt-get install --yes --no-install-recommends nowhere-package other-package" in (
        error.value.remedy
    )
    assert not (bare.home / "called").exists()


def test_services_stay_down_while_packages_are_installed(
    bare: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = bare.home / "policy-rc.d"
    monkeypatch.setattr(debian, "_POLICY", policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bare.program(
        "apt-get",
        f'[ "$1" = update ] && exit\n{policy}; echo $? > {bare.home}/policy\n'
        f"for tool in nowhere-tool other-tool; do cp {bare.bin}/apt-get {bare.bin}/$tool; done",
    )
    debian.ensure(GROUP)
    assert (bare.home / "policy").read_text() == "101\n"
    assert not policy.exists()
    assert debian.missing(GROUP) == []


def test_the_host_s_own_program_comes_first(bare: Machine) -> None:
    promtool = bare.program("promtool", ":")
    assert debian.path("promtool") == promtool


def test_a_package_is_unpacked_once_and_its_program_runs(
    bare: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = bare.home / "package"
    (package / "DEBIAN").mkdir(parents=True)
    (package / "DEBIAN" / "control").write_text(
        "Package: prometheus\nVersion: 2.0-1\nArchitecture: all\nMaintainer: none\nDescription: none\n"
    )
    (package / "usr" / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    (package / "usr" / "bin").mkdir()
    for name in ("prometheus", "promtool"):
        script = package / "usr" / "bin" / name
        script.write_text(f'#!/bin/sh\necho {name} "$@" "$LD_LIBRARY_PATH"\n')
        script.chmod(0o755)
    archive = bare.home / "prometheus.deb"
    subprocess.run(
        ["/usr/bin/dpkg-deb", "--build", package, archive], check=True, env={}, capture_output=True
    )
    bare.program("dpkg-deb", 'PATH=/usr/bin:/bin exec /usr/bin/dpkg-deb "$@"')
    bare.program("dirname", 'exec /usr/bin/dirname "$@"')
    bare.program(
        "apt-get",
        f'echo "$*" >> {bare.home}/calls\n'
        f'[ "$1" = download ] && {{ cp {archive} .; exit; }}\n'
        'echo "Inst prometheus (2.0-1 Debian:12/oldstable [all])"\n'
        'echo "Inst libjs-d3 (3.5 Debian:12/oldstable [all])"\n'
        'echo "Inst libc6 [2.35] (2.36 Debian:12/oldstable [amd64])"\n'
        'echo "Inst libsnappy1 (1.1 Debian:12/oldstable [amd64])"',
    )
    program = debian.path("promtool")
    answer = subprocess.run([program, "check"], capture_output=True, text=True, check=True).stdout
    tree = bare.cache / "debian" / "prometheus-2.0-1"
    assert answer == f"promtool check {tree}/usr/lib/x86_64-linux-gnu\n"
    assert debian.path("prometheus").parent == program.parent
    calls = (bare.home / "calls").read_text().splitlines()
    assert [call for call in calls if call.startswith("download")] == [
        "download prometheus=2.0-1 libsnappy1=1.1"
    ]


def test_without_lists_of_the_machine_s_they_are_fetched_into_the_cache_by_whom_ever(
    bare: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    bare.program("apt-get", f'echo "$*" >> {bare.home}/calls\nexit 100')
    with pytest.raises(CommandFailed) as error:
        debian.path("promtool")
    simulated, updated = (bare.home / "calls").read_text().splitlines()
    assert simulated.startswith("install --simulate")
    assert updated.endswith(" update")
    assert f"Dir::State::lists={bare.cache}/apt/lists" in updated
    assert f"Dir::Cache={bare.cache}/apt" in updated
    assert "Check the network" in error.value.remedy


def test_what_is_there_is_known_without_fetching(bare: Machine) -> None:
    assert not debian.present("promtool")
    (bare.cache / "debian" / "prometheus-2.0-1").mkdir(parents=True)
    assert debian.present("promtool")


def test_an_unknown_program_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'promtol'"):
        debian.path("promtol")

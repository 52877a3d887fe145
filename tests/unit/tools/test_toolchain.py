"""Where programs come from: the right version on PATH, else the cache, else a build."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.tools.conftest import Machine
from tools import families, gobuild, toolchain, versions
from tools.errors import CommandFailed, MissingPrerequisite, UsageError
from tools.families import BY_PROGRAM

WaitUntil = Callable[[Callable[[], bool], str], None]


def kubectl(version: str) -> str:
    return f'[ "$*" = "version --client" ] && echo "Client Version: v{version}"'


def test_the_right_version_on_path_is_used_and_needs_no_go(machine: Machine) -> None:
    there = machine.program("kubectl", kubectl(versions.KUBERNETES))
    assert toolchain.path("kubectl") == there
    assert not machine.cache.exists()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(kubectl("1.32.4"), id="older"),
        pytest.param(kubectl(f"{versions.KUBERNETES}0"), id="longer number"),
        pytest.param(kubectl(f"{versions.KUBERNETES}-rc.1"), id="release candidate"),
        pytest.param(kubectl(f"2.{versions.KUBERNETES}"), id="number with more before it"),
        pytest.param("exit 1", id="does not answer"),
    ],
)
def test_any_other_version_on_path_is_passed_over(machine: Machine, answer: str) -> None:
    on_path = machine.program("kubectl", answer)
    machine.go()
    built = toolchain.path("kubectl")
    assert built != on_path
    assert built.is_relative_to(machine.cache)
    assert machine.builds == ["kubernetes"]


def test_what_the_cache_has_is_not_built_again(machine: Machine) -> None:
    machine.go()
    first = toolchain.ensure(["kubelet", "kubeadm"])
    assert toolchain.ensure(["kubeadm", "kubelet"]) == first
    assert all(os.access(program, os.X_OK) for program in first.values())
    assert machine.builds == ["kubernetes"]


def test_the_language_host_comes_with_the_pulumi_it_lies_beside(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.go()
    machine.program("pulumi-language-python", ":")
    pulumi = machine.program("pulumi", "echo v1.2.3")
    assert toolchain.path("pulumi-language-python").is_relative_to(machine.cache)
    pulumi.unlink()
    other = machine.home / "release"
    other.mkdir()
    machine.bin = other
    machine.program("pulumi", f"echo v{versions.PULUMI}")
    beside = machine.program("pulumi-language-python", ":")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{other}")
    assert toolchain.path("pulumi-language-python") == beside


def test_the_executor_lies_beside_the_built_language_host(machine: Machine) -> None:
    machine.go()
    executor = toolchain.path("pulumi-language-python").with_name("pulumi-language-python-exec")
    assert executor.read_text() == "exec"
    assert os.access(executor, os.X_OK)


def test_what_only_judges_the_project_is_built_when_asked_for(machine: Machine) -> None:
    machine.go()
    assert "kube-score" not in toolchain.missing()
    assert toolchain.missing(["kube-score"]) == ["kube-score"]
    assert toolchain.path("kube-score").is_relative_to(machine.cache)


def test_env_path_finds_the_built_programs_before_those_of_the_wrong_version(machine: Machine) -> None:
    machine.go()
    machine.program("kubectl", kubectl("1.32.4"))
    machine.program("etcd", f"echo etcd Version: {versions.ETCD}")
    path = toolchain.env_path(["kubectl", "kubeadm", "etcd"])
    assert path.split(os.pathsep) == [str(toolchain.path("kubectl").parent), str(machine.bin)]


def test_an_unknown_program_is_refused_by_name(machine: Machine) -> None:
    with pytest.raises(UsageError, match="'kubectll'"):
        toolchain.path("kubectll")
    code, _, err = machine.run("toolchain", "path", "kubectll")
    assert code == 2
    assert "kubectl," in err


@pytest.mark.parametrize("command", [("path", "etcd"), ("ensure",)])
def test_without_go_the_error_names_the_version_and_nothing_is_changed(
    machine: Machine, command: tuple[str, ...]
) -> None:
    machine.program("apt-get", f"touch {machine.home}/called")
    code, _, err = machine.run("toolchain", *command)
    assert code == 3
    assert f"Install Go {versions.GO}" in err
    assert not (machine.home / "called").exists()
    assert not machine.cache.exists()


def test_a_go_that_is_too_old_is_refused_before_anything_is_built(machine: Machine) -> None:
    machine.go(version="go1.19.8")
    with pytest.raises(MissingPrerequisite, match=r"etcd needs Go 1\.25\.0, and .*go is go1\.19\.8"):
        toolchain.path("etcd")
    assert machine.builds == []


def test_the_cache_key_follows_what_decides_the_result(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = machine.home / "checkout"
    source = root / "tools" / "go" / "etcd"
    source.mkdir(parents=True)
    for file in BY_PROGRAM["etcd"].directory.iterdir():
        (source / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(families, "ROOT", root)
    machine.go("go1.26.8")
    seen = [gobuild.directory(BY_PROGRAM["etcd"])]

    machine.go("go1.26.9")
    (source / "README.md").write_text("no part of the build")
    assert gobuild.directory(BY_PROGRAM["etcd"]) == seen[0]

    for change in ("go.mod", "go.sum", "tools.go"):
        with (source / change).open("a") as file:
            file.write("\n// changed\n")
        seen.append(gobuild.directory(BY_PROGRAM["etcd"]))
    machine.go("go1.27.0")
    seen.append(gobuild.directory(BY_PROGRAM["etcd"]))
    assert len(set(seen)) == 5


def test_two_at_once_build_once(machine: Machine, wait_until: WaitUntil) -> None:
    machine.go()
    machine.gate.unlink()
    first = machine.start("toolchain", "path", "etcd")
    wait_until(lambda: machine.builds == ["etcd"], "the first build")
    second = machine.start("toolchain", "path", "etcd")
    assert second.stderr
    assert "Building etcd" in second.stderr.readline()
    machine.gate.touch()
    outs = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert first.returncode == second.returncode == 0
    assert outs[0] == outs[1]
    assert Path(outs[0].strip()).read_text() == "built\n"
    assert machine.builds == ["etcd"]


def test_a_killed_build_leaves_nothing_that_the_next_one_takes_for_whole(
    machine: Machine, wait_until: WaitUntil
) -> None:
    machine.go()
    machine.gate.unlink()
    killed = machine.start("toolchain", "path", "etcd")
    wait_until(lambda: machine.builds == ["etcd"], "the build")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    machine.gate.touch()
    wait_until(lambda: any(machine.cache.glob("bin/.*/etcd")), "the end of the go that outlived its parent")
    assert toolchain.find("etcd") is None
    program = toolchain.path("etcd")
    assert [entry.name for entry in (machine.cache / "bin").iterdir()] == [program.parent.name]
    assert machine.builds == ["etcd", "etcd"]


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("dial tcp: lookup proxy.example: no such host", "GOPROXY"),
        ("verifying m@v1: checksum mismatch", "go.sum"),
        ("write /x: no space left on device", "space"),
        ("undefined: Thing", "Run the same command again"),
    ],
)
def test_a_failed_build_shows_its_last_lines_and_what_to_do(machine: Machine, line: str, remedy: str) -> None:
    machine.go(build=f'for i in $(seq 100); do echo "line $i."; done; echo "{line}"; exit 1')
    code, out, err = machine.run("toolchain", "path", "etcd")
    assert (code, out) == (1, "")
    assert "✗ Building etcd" in err
    assert line in err
    assert "line 72." in err
    assert "line 71." not in err
    assert remedy in err.split("what to do:")[1]
    assert "build-etcd.log" in err
    assert list((machine.cache / "bin").iterdir()) == []


def test_kafka_is_fetched_once_and_a_failure_leaves_nothing(machine: Machine) -> None:
    machine.program("mvn", "echo 'Could not transfer artifact'; exit 1")
    with pytest.raises(CommandFailed) as failure:
        toolchain.kafka_libs()
    assert "Maven Central" in failure.value.remedy
    assert not list(machine.cache.glob("kafka/*/*"))

    machine.program(
        "mvn", f'echo . >> {machine.home}/calls; for a; do :; done; echo jar > "${{a#*=}}/kafka.jar"'
    )
    libs = toolchain.kafka_libs()
    assert [jar.name for jar in libs.iterdir()] == ["kafka.jar"]
    assert toolchain.kafka_libs() == libs
    assert (machine.home / "calls").read_text() == ".\n"


def test_a_familys_own_file_takes_the_place_of_its_modules(machine: Machine) -> None:
    machine.go(
        build="for option; do case $option in -modfile=*) modfile=${option#*=} ;; esac; done; "
        f'cp "$modfile" {machine.home}/go.mod; '
        f'while read -r _ _ _ copy; do [ -z "$copy" ] || cp -r "$copy" {machine.home}/used; done < "$modfile"'
    )
    family = BY_PROGRAM["pulumi-resource-kubernetes"]
    gobuild.build(family)
    made = (machine.home / "go.mod").read_text()
    assert made.startswith((family.directory / "go.mod").read_text())
    assert "replace github.com/pulumi/pulumi-kubernetes/sdk/v4 => /" in made
    (ours,) = family.replaces.values()
    used = machine.home / "used" / "go" / "kubernetes" / "yaml" / "v2" / "kinds.go"
    assert used.read_text() == (family.directory / ours).read_text()

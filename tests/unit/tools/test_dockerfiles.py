"""Every Dockerfile: pinned, without secrets and machine names, and not root unless it must be."""

import re
from pathlib import Path

import pytest

from tools.image_build.catalogue import NODE, PLATFORM, SPECS
from tools.paths import ROOT

ROOT_USERS = {
    "debian": "a base: others say who runs",
    "coredns": "binds port 53; its pod drops every other capability",
    "etcd": "its pod, which kubeadm makes, says who runs",
    "kube-apiserver": "its pod, which kubeadm makes, says who runs",
    "kube-controller-manager": "its pod, which kubeadm makes, says who runs",
    "kube-scheduler": "its pod, which kubeadm makes, says who runs",
    "kube-proxy": "changes the node's packet filter",
}
FILES = sorted([*ROOT.glob("workloads/*/Dockerfile"), *ROOT.glob("tools/images/*/Dockerfile")])


def instructions(file: Path) -> list[tuple[str, str]]:
    """Each instruction's name and its arguments, continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in text.splitlines() if line]


def named(names: list[str]) -> list[object]:
    return [pytest.param(ROOT / name, id=name) for name in names]


@pytest.fixture(params=[pytest.param(file, id=str(file.relative_to(ROOT))) for file in FILES])
def dockerfile(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_is_an_image_for_every_dockerfile_and_the_other_way_round() -> None:
    assert {spec.dockerfile for spec in SPECS.values()} == set(FILES)


def test_bases_come_before_the_images_that_are_built_on_them() -> None:
    order = list(SPECS)
    for spec in SPECS.values():
        assert all(order.index(base) < order.index(spec.name) for base in spec.bases.values())


def test_a_stacks_images_have_a_name_of_this_build_and_the_nodes_one_that_kubeadm_knows() -> None:
    assert all(not SPECS[name].ref for name in PLATFORM)
    assert all(re.search(r":v?\d[\w.-]*$", SPECS[name].ref) for name in NODE)


def test_the_outer_base_is_an_argument_with_a_pinned_default(dockerfile: Path) -> None:
    defaults = dict(a.split("=", 1) for i, a in instructions(dockerfile) if i == "ARG" and "=" in a)
    stages = {a.split()[2] for i, a in instructions(dockerfile) if i == "FROM" and " AS " in a}
    for base in (a.split()[0] for i, a in instructions(dockerfile) if i == "FROM"):
        if base == "scratch" or base in stages:
            continue
        argument = re.fullmatch(r"\$\{(\w+)\}", base)
        assert argument, f"FROM {base} cannot be replaced"
        default = defaults[argument[1]]
        # What another Dockerfile of this repository makes has the tag that its content gives it.
        assert re.search(r":[\w.-]*\d{8}[\w.-]*$|@sha256:", default) or default.startswith(
            "localhost/carbon/"
        )


def test_build_arguments_are_those_that_the_catalogue_sets() -> None:
    for spec in SPECS.values():
        arguments = {a.split("=")[0] for i, a in instructions(spec.dockerfile) if i == "ARG"}
        assert arguments == set(spec.bases), spec.name


def test_debian_packages_have_versions(dockerfile: Path) -> None:
    for _, command in (i for i in instructions(dockerfile) if i[0] == "RUN"):
        for install in re.findall(r"apt-get install (.*?)(?:&&|$)", command):
            packages = [word for word in install.split() if not word.startswith("-")]
            build_only = {"ca-certificates", "python3-venv"}
            assert packages
            assert [p for p in packages if "=" not in p and p not in build_only] == []


def test_python_packages_are_checked_by_their_hashes(dockerfile: Path) -> None:
    for _, command in (i for i in instructions(dockerfile) if i[0] == "RUN"):
        if re.search(r"\bpip (install|download)\b", command):
            assert "--require-hashes" in command
            assert "--only-binary=:all:" in command


def test_package_lists_and_caches_are_not_kept(dockerfile: Path) -> None:
    last = [i for i, _ in instructions(dockerfile)][::-1].index("FROM")
    for instruction, command in instructions(dockerfile)[-last:]:
        if instruction == "RUN" and "apt-get update" in command:
            assert "rm -rf" in command
            assert "/var/lib/apt/lists/*" in command


@pytest.mark.parametrize("name", [name for name in SPECS if name not in ROOT_USERS and name != "base-build"])
def test_it_does_not_run_as_root(name: str) -> None:
    users = [a for i, a in instructions(SPECS[name].dockerfile) if i == "USER"]
    assert users, "no USER"
    # Numbers: Kubernetes cannot tell whether a name is root's.
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
    assert [i for i, _ in instructions(SPECS[name].dockerfile)][-1] != "USER" or name == "base"


def test_exceptions_from_that_are_still_needed() -> None:
    for name in ROOT_USERS:
        assert "USER" not in [i for i, _ in instructions(SPECS[name].dockerfile)]


def test_it_has_no_secret_no_address_and_no_moving_tag(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    assert "://" not in text
    assert ":latest" not in text
    for instruction, argument in instructions(dockerfile):
        if instruction in {"ARG", "ENV"}:
            assert not re.search(r"(?i)(password|token|secret|credential)\w*=", argument)


def test_only_exec_form_is_used_so_that_signals_reach_the_program(dockerfile: Path) -> None:
    for instruction, argument in instructions(dockerfile):
        if instruction in {"ENTRYPOINT", "CMD"}:
            assert argument.startswith("[")

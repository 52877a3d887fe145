"""What a machine lacks for `make up`, told at once before anything is changed, with what installs it.

No C compiler is among it: every program is built without cgo, and every Python package comes as a wheel.
"""

from __future__ import annotations

import os
import shutil

from tools import golang, packages, versions
from tools.cluster import namespaces, preflight
from tools.cluster.instance import Instance
from tools.errors import MissingPrerequisite


def check(*, node: bool) -> None:
    """Refuse a machine that `make up` cannot make fit by itself, as it does as root on Debian.

    Args:
        node: the machine is to carry the built-in node, and not to use a cluster that exists.

    Raises:
        MissingPrerequisite: all that is missing, and what installs it.
    """
    problems: list[str] = []
    remedies: list[str] = []
    if node and namespaces.init_pid(Instance.named()) is None:
        for problem, remedy in preflight.problems(Instance.named()):
            problems.append(problem)
            remedies.append(remedy)
    groups = (packages.NODE, packages.IMAGES, packages.BUILD) if node else (packages.BUILD,)
    lacking = packages.missing(*groups)
    if lacking and not (os.geteuid() == 0 and shutil.which("apt-get")):
        programs = {name for group in groups for name in group if packages.on_host(name) is None}
        problems.append(f"programs are missing: {', '.join(sorted(programs))}")
        if shutil.which("apt-get"):
            remedies.append(f"Install them, or run it as root: {packages.install_command(lacking)}")
        else:
            remedies.append(f"Install what your distribution calls Debian's {', '.join(lacking)}.")
    if golang.find(versions.GO_WHEEL) is None and not golang.can_be_had():
        problems.append(f"there is no Go {versions.GO_WHEEL} or newer")
        remedies.append(f"Install Go {versions.GO} from go.dev's archive and put it on PATH.")
    if problems:
        raise MissingPrerequisite("this machine lacks: " + "; ".join(problems), remedy=" ".join(remedies))

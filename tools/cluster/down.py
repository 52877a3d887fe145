"""Take a node away without a trace, whatever state it is in."""

import shutil

from tools.cluster import namespaces
from tools.cluster.instance import Instance


def down(instance: Instance) -> bool:
    """End the instance's processes, with which its mounts and network go, and remove its files.

    Removes the whole state directory of the instance. Returns whether there was anything. Raises ToolError
    when a process does not end.
    """
    existed = instance.dir.exists()
    with instance.lock():
        namespaces.end(instance)
        shutil.rmtree(instance.dir)
    # The parent was made for the instances alone; it stays while another has its place there.
    if not any(instance.dir.parent.iterdir()):
        instance.dir.parent.rmdir()
    return existed

"""`make try`: the platform as plain processes of this machine, without root, container or cluster.

The servers are `tools.embedded`'s, the workloads run as in their images, and everything of a run is below one
directory of the state. It needs the workloads' packages alone, hence an entry of its own (`__main__`).
"""

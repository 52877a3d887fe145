"""What the platform runs: a file a workload, named after its package, and `services`, which all of them use.

A file is found by being here. Each constant that is a `Declaration` counts.
"""

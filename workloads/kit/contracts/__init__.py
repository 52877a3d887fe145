"""Names and shapes that more than one part of the platform must agree on, each written once.

`infra` may import this package and no other part of `workloads`.
"""

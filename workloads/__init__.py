"""Deployables of the platform, one package each, over the shared library `workloads.kit`."""

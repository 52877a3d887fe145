"""Cluster services: one component a service, each a Helm release with what stands around it."""

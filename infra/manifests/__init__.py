"""Kubernetes objects from values: pure functions, no Pulumi, no settings of their own."""

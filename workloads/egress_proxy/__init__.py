"""egress-proxy."""

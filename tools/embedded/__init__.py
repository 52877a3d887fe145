"""Kafka, PostgreSQL, Redis and MLflow as plain processes of this machine: the one way to start them outside a
cluster. Needs no root; the programs come from the host, or unpacked from packages into the cache."""

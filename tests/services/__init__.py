"""Tests against real Kafka and PostgreSQL processes, which the fixtures in `conftest` start and stop."""

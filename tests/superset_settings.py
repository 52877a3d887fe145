"""The least that Superset has to be told."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import env

LEAST: Final = {
    env.POSTGRES_HOST: "postgres",
    env.POSTGRES_USER: "owner",
    env.POSTGRES_PASSWORD_FILE: "/secrets/owner",
    env.READER_USER: "reader",
    env.READER_PASSWORD_FILE: "/secrets/reader",
}

"""What data-api and the maker of files are told alike, and what the latter is told besides."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workloads.kit.settings import NonEmpty, ServiceSettings, Settings


class JobSettings(Settings):
    """Where files are, how many there may be, and for how long."""

    downloads_location: Annotated[str, Field(pattern=r"^s3://[^/\s]+/(\S*/)?$")] | None = None
    """s3://bucket/[prefix/] of the files; without it there are no jobs."""
    object_store_url: NonEmpty | None = None
    """Where the object store answers; without it, S3 itself."""
    aws_region: NonEmpty | None = None

    job_hours: float = Field(default=24.0, gt=0)
    """How long a file and its link are good, and how long it is told thereafter what became of it."""
    jobs_open: int = Field(default=3, ge=1)
    """Jobs of a tenant that may wait or be under way."""
    jobs_kept: int = Field(default=50, ge=1)
    """Jobs of a tenant that may be listed, those that ended among them."""
    links: int = Field(default=8, ge=1)
    """Files that a worker of data-api gives out at once by links; each holds one of its threads."""
    links_each: int = Field(default=4, ge=1)
    """Those of one tenant among them, so that none has them all."""


class WorkerSettings(ServiceSettings):
    """How files are made. What a question needs of the database and the API's limits: `DataApiSettings`."""

    job_lease_seconds: float = Field(default=30.0, gt=0)
    """After which a job whose maker was not heard of is another's."""
    job_beat_seconds: float = Field(default=3.0, gt=0)
    """Between two words of how far it is."""
    job_poll_seconds: float = Field(default=1.0, gt=0)
    """Between two looks for the next one."""
    job_clean_seconds: float = Field(default=60.0, gt=0)
    """Between two looks for what is to be removed."""
    job_attempts: int = Field(default=8, ge=1)
    """How often a job may break off before it failed. One whose worker was told to end did not."""
    job_rest_seconds: float = Field(default=5.0, ge=0)
    """After the first time that it broke off; twice as long after each further one, five minutes at most."""
    job_seconds: float = Field(default=3600.0, gt=0)
    """How long the database may work on one."""

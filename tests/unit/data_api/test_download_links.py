"""Links to files: what they are signed for, and who may have what of a bucket."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from tests.unit.data_api.conftest import SETTINGS
from workloads.data_api.downloads.jobs import link
from workloads.data_api.settings import DataApiSettings

END = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_link_is_good_for_its_own_job_key_and_end_alone() -> None:
    job, key = uuid.uuid4(), link.new_key()
    address = urlsplit(link.made(job, key, END))
    assert address.path == f"{link.FILES}/{job}"
    given = {name: values[0] for name, values in parse_qs(address.query).items()}
    end, signature = int(given["expires"]), given["signature"]
    assert end == END.timestamp()
    assert link.good(job, key, end, signature)
    assert not link.good(job, key, end + 1, signature)
    assert not link.good(uuid.uuid4(), key, end, signature)
    assert not link.good(job, link.new_key(), end, signature)
    assert not link.good(job, key, end, signature[:-1] + ("0" if signature[-1] != "0" else "1"))


@pytest.mark.parametrize(
    "wrong", ["downloads/", "s3://", "s3://bucket", "s3://bucket/prefix", "file:///tmp/"]
)
def test_a_place_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="downloads_location"):
        DataApiSettings.model_validate({**SETTINGS.model_dump(), "downloads_location": wrong})

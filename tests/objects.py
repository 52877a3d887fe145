"""A client of the object store, for tests."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from workloads.kit.contracts import lake

__all__ = ["ClientError", "client"]


def client(url: str, secret: str) -> Any:
    """A client of its one account.

    Args:
        url: of the store.
        secret: key of the account, or another.
    """
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=lake.REGION,
        aws_access_key_id=lake.ACCESS_KEY,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )

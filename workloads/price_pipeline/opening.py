"""A configured source as the object that reads it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from workloads.kit.contracts.sources.kinds import (
    CsvSource,
    HttpSource,
    MySqlSource,
    ParquetSource,
    ReplaySource,
    SourceConfig,
    Sources,
    SqlSource,
    SyntheticSource,
)
from workloads.kit.contracts.sources.store_config import S3Source, SftpSource
from workloads.price_pipeline.sources import Source
from workloads.price_pipeline.sources import file as file_source
from workloads.price_pipeline.sources import http as http_source
from workloads.price_pipeline.sources import replay as replay_source
from workloads.price_pipeline.sources import sql as sql_source
from workloads.price_pipeline.sources import store as store_source
from workloads.price_pipeline.sources import synthetic as synthetic_source

Clock = Callable[[], datetime]


def open_source(
    config: SourceConfig, sources: Sources, anchor: replay_source.Anchor | None, clock: Clock
) -> Source:
    """The source that `config` describes. A replay goes on from `anchor`.

    Raises:
        SourceError: it has nothing to read from.
    """
    # Drivers are loaded where they are used.
    match config:
        case CsvSource() | ParquetSource():
            return file_source.FileSource(config, clock)
        case SqlSource():
            return sql_source.SqlSource(config)
        case MySqlSource():
            from workloads.price_pipeline.sources import mysql as mysql_source

            return mysql_source.MySqlSource(config)
        case HttpSource():
            return http_source.HttpSource(config)
        case S3Source():
            from workloads.price_pipeline.sources import s3

            return store_source.StoredSource(config, partial(s3.connected, config), clock)
        case SftpSource():
            from workloads.price_pipeline.sources import sftp

            return store_source.StoredSource(config, partial(sftp.connected, config), clock)
        case SyntheticSource():
            return synthetic_source.SyntheticSource(config, clock)
        case ReplaySource():
            return open_replay(config, sources, anchor, clock, config.interval)


def open_replay(
    config: ReplaySource,
    sources: Sources,
    anchor: replay_source.Anchor | None,
    clock: Clock,
    interval: timedelta,
) -> replay_source.ReplaySource:
    """The replay of the files that `config` names; errors as those of `open_source`."""
    files = {file.name: file for file in sources.sources if isinstance(file, CsvSource | ParquetSource)}
    withheld = [(name, file_source.FileSource(files[name], clock).withheld()) for name in config.of]
    return replay_source.ReplaySource(withheld, interval, anchor, clock)

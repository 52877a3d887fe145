"""Weather goes on into market-indicators, by the pipeline's source as the page shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.providers import Providers
from tests.services.clients import MigratedDatabase
from tests.services.servers import Redis, until
from tests.services.test_api_integration import ROLE, Replica
from tests.services.test_price_pipeline import Platform, platform, platform_topics
from tools.embedded.process import START_SECONDS
from tools.paths import ROOT
from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.providers import PROVIDERS
from workloads.kit.contracts.zones import WEATHER_POINTS

__all__ = ["platform", "platform_topics"]

PAGE = (ROOT / "docs" / "api-integration.md").read_text(encoding="utf-8")


@pytest.mark.thorough
def test_forecasts_of_all_zones_become_indicators(
    platform: Platform, database: MigratedDatabase, redis: Redis, tmp_path: Path
) -> None:
    providers = Providers()
    given = {
        **database.env(ROLE),
        **redis.env,
        "KAFKA_BOOTSTRAP": platform.kafka.bootstrap,
        "KEYS_DIR": str(tmp_path),
        "PROVIDER_URLS": json.dumps(dict.fromkeys(PROVIDERS, providers.url)),
    }
    replica = Replica(tmp_path, given)
    try:
        until(replica.ready, "it is ready", 2 * START_SECONDS)
        (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
        (source,) = yaml.safe_load(shown)["sources"]
        told: dict[str, Any] = source | {
            "url": source["url"].replace("http://api-integration:8095", replica.url)
        }
        platform.sources(told)
        platform.run()
        decode = decoder(Indicator)
        sent = [decode(record.raw) for record in platform.kafka.read(topics.MARKET_INDICATORS)]
        assert {one.zone for one in sent} == set(WEATHER_POINTS)
        assert {(one.name, one.kind, one.unit, one.resolution) for one in sent} == {
            ("temperature", "forecast", "Cel", "PT1H")
        }
        assert all(one.published_at < one.delivery_end for one in sent)
        assert platform.kafka.read(topics.dead_letter(topics.MARKET_INDICATORS)) == []
        count = len(sent)
        platform.run()
        assert len(platform.kafka.read(topics.MARKET_INDICATORS)) == count
        assert providers.count() == 1
    finally:
        replica.process.stop()
        providers.close()

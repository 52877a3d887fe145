"""The sources file: what is refused, and how it says so."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from workloads.kit.contracts.messages import PROVENANCES, Provenance
from workloads.kit.contracts.sources import kinds
from workloads.price_pipeline import config
from workloads.price_pipeline.settings import DEFAULT_SOURCES

CSV = """
- kind: csv
  name: daily
  path: /data/daily.csv
  market: crude
  columns: {event_time: date, prices: {price: WTI}}
"""
HTTP = """
- kind: http
  name: api
  url: https://prices.example/v1
  market: crude
  columns: {event_time: date, symbol: id, price: value}
"""
SYNTHETIC = """
- kind: synthetic
  symbols:
  - {symbol: SYN-A, market: a, currency: EUR, unit: t, level: 10, reversion: 0.1, volatility: 0.02}
"""

NAMES_OF_KEYS = (
    "registrationkey",
    "serviceKey",
    "user_key",
    "consumer_key",
    "client-key",
    "x-apisports-key",
    "crtfc_key",
    "wskey",
    "X-Auth",
    "userPass",
    "pass",
    "passphrase",
    "session",
    "sessionId",
    "jwt",
    "bearer",
    "authKey",
)


def load(tmp_path: Path, *sources: str) -> kinds.Sources:
    file = tmp_path / "sources.yaml"
    file.write_text("sources:" + "".join(sources))
    return config.load(file, PROVENANCES)


def test_committed_sources_hold_the_real_series_the_replay_and_eight_synthetic_symbols() -> None:
    sources = config.load(DEFAULT_SOURCES, PROVENANCES)

    daily, monthly, synthetic, replay = sources.sources
    assert isinstance(daily, kinds.CsvSource)
    assert isinstance(monthly, kinds.CsvSource)
    assert isinstance(synthetic, kinds.SyntheticSource)
    assert isinstance(replay, kinds.ReplaySource)
    assert daily.withhold_years == monthly.withhold_years == 4
    assert replay.of == ("crude-daily", "crude-monthly")
    assert len(synthetic.symbols) == 8
    assert synthetic.faults is None
    assert sources.published == {
        "crude-daily",
        "crude-monthly",
        "synthetic",
        "crude-daily-replay",
        "crude-monthly-replay",
    }


def test_spans_are_iso_8601(tmp_path: Path) -> None:
    (source,) = load(tmp_path, CSV, "  publication_lag: PT90M\n").sources

    assert isinstance(source, kinds.CsvSource)
    assert source.publication_lag == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ([CSV, "  colour: red\n"], ["sources.0.colour", "daily", "not permitted"]),
        ([CSV, "  withhold_years: -1\n"], ["withhold_years", "greater than or equal to 0", "-1"]),
        ([CSV.replace("csv", "cvs")], ["sources.0", "'cvs'", "'csv'"]),
        ([CSV, CSV], ["source name used twice: daily"]),
        ([CSV.replace("prices: {price: WTI}", "price: price")], ["columns", "both `symbol` and `price`"]),
        ([CSV.replace("{price: WTI}", "{}")], ["columns", "both `symbol` and `price`"]),
        ([CSV, "  time_of_day: 16:00\n"], ["time_of_day", 'in quotes: "16:00"']),
        ([CSV, "- {kind: replay, of: [daily]}\n"], ["'daily' is not a csv or parquet source with withhold"]),
        ([CSV, "- {kind: replay, of: [weekly]}\n"], ["'weekly' is not a csv or parquet source"]),
        (
            [CSV, "  publication: {day: -1, at: '12:57'}\n"],
            ["publication.day -1", "no spot price", "day-ahead"],
        ),
        ([CSV, "  published_format: '%Y'\n"], ["published_format", "columns.published_at"]),
        ([HTTP, "  secret: {file: /key}\n"], ["secret", "one of `header` and `parameter`"]),
        ([HTTP, "  paging: {kind: scroll}\n"], ["paging", "'scroll'"]),
        ([HTTP.replace("https:", "ftp:")], ["'api'", "url", "begins with https://"]),
        ([HTTP.replace("https://prices", "https:///prices")], ["url", "a host"]),
        ([SYNTHETIC.replace("SYN-A", "WTI")], ["symbol", "SYN-", "'WTI'"]),
        ([SYNTHETIC, "  faults: {gap: 0.1}\n"], ["put `fault` into its name"]),
        ([SYNTHETIC, "  across_markets: 0.9\n"], ["across_markets must not be above within_market"]),
    ],
)
def test_a_bad_file_is_refused_with_the_place_and_the_rule(
    tmp_path: Path, sources: list[str], words: list[str]
) -> None:
    with pytest.raises(config.BadSources) as raised:
        load(tmp_path, *sources)

    for word in ["sources.yaml", *words]:
        assert word in str(raised.value)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(config.BadSources) as raised:
        load(tmp_path, CSV, "  withhold_years: -1\n  currency: dollars\n")

    assert len(raised.value.problems) == 2


def test_a_misplaced_password_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(config.BadSources) as raised:
        load(tmp_path, CSV, "  password: hunter2\n")

    assert "password" in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("  headers: {Authorization: Bearer hunter2}\n", "headers.Authorization"),
        ("  headers: {X-API-Key: hunter2}\n", "headers.X-API-Key"),
        ("  headers: {Ocp-Apim-Subscription-Key: hunter2}\n", "Ocp-Apim-Subscription-Key"),
        ("  parameters: {securityToken: hunter2}\n", "parameters.securityToken"),
        ("  parameters: {key: hunter2}\n", "parameters.key"),
        ("?bzn=FR&api_key=hunter2", "api_key"),
        ("?token=hunter2", "token"),
        ("?a=1;api_key=hunter2", "api_key"),
        ("?api[key]=hunter2", "api[key]"),
        ("?api%5Fkey=hunter2", "api_key"),
        ("?x=Bearer%20hunter2", "value of 'x'"),
        ("?x=1&x=Bearer+hunter2&x=1", "value of 'x'"),
        ("  headers: {X-Caller: Bearer hunter2}\n", "value of 'X-Caller'"),
        ("  headers: {X-Caller: ' basic hunter2'}\n", "value of 'X-Caller'"),
        ("  parameters: {user: Bearer hunter2}\n", "value of 'user'"),
        *((f"  parameters: {{{name}: hunter2}}\n", f"parameters.{name}") for name in NAMES_OF_KEYS),
    ],
)
def test_a_key_in_clear_is_refused_and_not_shown(tmp_path: Path, more: str, named: str) -> None:
    source = HTTP.replace("/v1", f"/v1{more}") if more.startswith("?") else HTTP + more
    with pytest.raises(config.BadSources) as raised:
        load(tmp_path, source)

    for word in ["sources.0", "'api'", named, "secret: {file: …"]:
        assert word in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://me:hunter2@prices.example", "no user and no password"),
        ("HTTPS://me:hunter2@prices.example", "no user and no password"),
        ("ftp://me:hunter2@prices.example", "no user and no password"),
        ("me:hunter2@prices.example", "is no address"),
        ("https:/me:hunter2@prices.example", "is no address"),
        ("https://[hunter2]/v1", "is no address"),
        ("https://prices.example/#api_key=hunter2", "fragment"),
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(config.BadSources, match=f"url: .*{said}") as raised:
        load(tmp_path, HTTP.replace("https://prices.example/v1", f"'{url}'"))

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "more", ["headers: {X-Caller: 424242}", "parameters: {api_key: 424242}", "secret: 424242"]
)
def test_a_key_of_another_type_is_not_shown(tmp_path: Path, more: str) -> None:
    with pytest.raises(config.BadSources) as raised:
        load(tmp_path, HTTP, f"  {more}\n")

    assert "424242" not in str(raised.value)


def test_an_address_is_taken_however_its_scheme_is_written(tmp_path: Path) -> None:
    (source,) = load(tmp_path, HTTP.replace("https:", "HTTPS:")).sources

    assert isinstance(source, kinds.HttpSource)


def test_names_that_only_sound_like_a_key_pass(tmp_path: Path) -> None:
    more = (
        "  headers: {X-Caller: desk}\n"
        "  parameters: {bzn: FR, keyword: gas, sort_key: day, sector: Basic Materials}\n"
    )
    (source,) = load(tmp_path, HTTP.replace("/v1", "/v1?keyboard=1&trading_session=1"), more).sources

    assert isinstance(source, kinds.HttpSource)
    assert source.parameters["sort_key"] == "day"


@pytest.mark.parametrize(
    ("content", "word"),
    [("sources: [", "is not YAML"), ("", "the file"), ("[]", "the file"), ("sources: []", "lists no source")],
)
def test_a_file_that_is_no_such_file_is_refused(tmp_path: Path, content: str, word: str) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text(content)

    with pytest.raises(config.BadSources, match=word):
        config.load(file, PROVENANCES)


def test_a_file_that_is_not_there_is_refused_with_the_variable_to_set(tmp_path: Path) -> None:
    with pytest.raises(config.BadSources, match="SOURCES_FILE"):
        config.load(tmp_path / "none.yaml", PROVENANCES)


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        (("market",), ["synthetic", "replay"]),
        (("market", "replay"), ["synthetic"]),
        (("market", "synthetic"), ["replay"]),
        (("replay", "synthetic"), ["crude-daily", "crude-monthly"]),
    ],
)
def test_a_source_of_another_provenance_is_refused_with_its_name_and_the_remedy(
    allowed: tuple[Provenance, ...], refused: list[str]
) -> None:
    with pytest.raises(config.BadSources) as error:
        config.load(DEFAULT_SOURCES, allowed)
    assert [re.findall(r"source '([\w-]+)' is", line)[0] for line in error.value.problems] == refused
    assert all(f"PROVENANCE={','.join(sorted(allowed))}" in line for line in error.value.problems)
    assert all("Remove it, or add" in line for line in error.value.problems)

"""The API's routes as methods.

Each route has its method.
Made from its OpenAPI document by `python -m tools sdk generate`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from carbon_client import models
from carbon_client.base import When
from carbon_client.events import Event
from carbon_client.pages import AsyncPages, P, Pages, R

T = TypeVar("T")


class Routes(ABC):
    """What a `Client` asks. Times have a zone; what is not given is as the API has it by default.

    What comes in pages is `Pages`: it is asked when it is iterated. `page_size` is the rows of one page.
    """

    @abstractmethod
    def _pages(self, path: str, page: type[P], row: type[R], given: Mapping[str, Any]) -> Pages[P, R]: ...

    @abstractmethod
    def _given(self, path: str, body: msgspec.Struct, kind: type[T]) -> T: ...

    @abstractmethod
    def _said(self, path: str, names: Mapping[str, str], body: msgspec.Struct, kind: type[T]) -> T: ...

    @abstractmethod
    def _file(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path: ...

    @abstractmethod
    def _job(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path: ...

    @abstractmethod
    def _events(self, path: str, given: Mapping[str, Any]) -> Generator[Event, None, None]: ...

    def aggregates(
        self,
        symbol: str,
        start: When,
        end: When,
        *,
        currency: str | None = None,
        unit: str | None = None,
        page_size: int | None = None,
        as_of: When | None = None,
        source: str | None = None,
        resolution: str | None = None,
        product: Literal["day-ahead", "intraday", "real-time", "settlement", "spot", "forward"] | None = None,
        every: Literal["hour", "day", "week", "month"] | None = None,
        profile: Literal["base", "peak", "off-peak"] | None = None,
        tz: str | None = None,
    ) -> Pages[models.AggregatePage, models.Aggregate]:
        """Prices by hour, day, week or month: `/v1/aggregates`.

        Args:
            symbol: Symbol, as /v1/instruments lists it.
            start: Where the first hour, day, week or month begins, in `tz`.
            end: Where the last one ends.
            currency: In this currency, where no rate is needed, such as GBP of GBp; as they came by
                default.
            unit: Per this unit, such as MWh of MMBtu, as /v1/units lists; as they came by default.
            page_size: Hours, days, weeks or months that a page looks at. By default 366.
            as_of: Instant as of which to answer: what was published later is not seen. Else now.
            source: Of this source: where the symbol has several.
            resolution: From prices of this resolution, such as PT15M: where the symbol has several.
            product: Of this product: where the symbol has several.
            every: hour, day, week (from Monday) or month, of `tz`. By default day.
            profile: base is all hours; peak is Monday to Friday, 08 to 20 of `tz`; off-peak the rest. By
                default base.
            tz: IANA time zone, such as Europe/Berlin; the market's by default, else UTC.
        """
        return self._pages(
            "/v1/aggregates",
            models.AggregatePage,
            models.Aggregate,
            {
                "symbol": symbol,
                "start": start,
                "end": end,
                "currency": currency,
                "unit": unit,
                "limit": page_size,
                "as_of": as_of,
                "source": source,
                "resolution": resolution,
                "product": product,
                "every": every,
                "profile": profile,
                "tz": tz,
            },
        )

    def curves(self, body: models.CurvesBody) -> models.CurvesPage:
        """Forward curves from quotes: `/v1/curves`."""
        return self._given("/v1/curves", body, models.CurvesPage)

    def download(
        self,
        path: Path | str,
        *,
        dataset: Literal["prices", "indicators", "predictions"] | None = None,
        format: Literal["csv", "parquet", "xlsx"] | None = None,
        symbol: str | None = None,
        zone: str | None = None,
        name: str | None = None,
        kind: Literal["forecast", "actual"] | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
        as_of: When | None = None,
        revisions: Literal["latest", "all"] | None = None,
    ) -> Path:
        """All rows in one file: `/v1/downloads`.

        Args:
            path: The file to write: it is there whole or not at all.
            dataset: Of what: the columns are those of its route. By default prices.
            format: Form of the file. xlsx is for small ones; parquet and csv for any. By default csv.
            symbol: Prices and predictions only of this symbol; all by default.
            zone: Indicators only of this market or bidding zone.
            name: Indicators only of this name, such as load.
            kind: Indicators only that were forecast, or that were measured.
            source: Only of this source.
            resolution: Only of this resolution, such as PT1H.
            start: Of periods that begin then or later.
            end: Of periods that begin before.
            as_of: Instant as of which to answer: what was published later is not seen. Else now.
            revisions: Of each period the revision that held at `as_of`, or all until then. Predictions have
                none. By default latest.
        """
        return self._file(
            "/v1/downloads",
            path,
            {
                "dataset": dataset,
                "format": format,
                "symbol": symbol,
                "zone": zone,
                "name": name,
                "kind": kind,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
                "as_of": as_of,
                "revisions": revisions,
            },
        )

    def downloads_columns(
        self, *, dataset: Literal["prices", "indicators", "predictions"] | None = None
    ) -> Pages[models.ColumnPage, models.Column]:
        """What the columns of a file are: `/v1/downloads/columns`.

        Args:
            dataset: Whose columns. By default prices.
        """
        return self._pages("/v1/downloads/columns", models.ColumnPage, models.Column, {"dataset": dataset})

    def download_job(
        self,
        path: Path | str,
        *,
        dataset: Literal["prices", "indicators", "predictions"] | None = None,
        format: Literal["csv", "parquet", "xlsx"] | None = None,
        symbol: str | None = None,
        zone: str | None = None,
        name: str | None = None,
        kind: Literal["forecast", "actual"] | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
        as_of: When | None = None,
        revisions: Literal["latest", "all"] | None = None,
    ) -> Path:
        """Ask for a file as a job: `/v1/downloads/jobs`.

        Args:
            path: The file to write: it is there whole or not at all.
            dataset: Of what: the columns are those of its route. By default prices.
            format: Form of the file. xlsx is for small ones; parquet and csv for any. By default csv.
            symbol: Prices and predictions only of this symbol; all by default.
            zone: Indicators only of this market or bidding zone.
            name: Indicators only of this name, such as load.
            kind: Indicators only that were forecast, or that were measured.
            source: Only of this source.
            resolution: Only of this resolution, such as PT1H.
            start: Of periods that begin then or later.
            end: Of periods that begin before.
            as_of: Instant as of which to answer: what was published later is not seen. Else now.
            revisions: Of each period the revision that held at `as_of`, or all until then. Predictions have
                none. By default latest.
        """
        return self._job(
            "/v1/downloads/jobs",
            path,
            {
                "dataset": dataset,
                "format": format,
                "symbol": symbol,
                "zone": zone,
                "name": name,
                "kind": kind,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
                "as_of": as_of,
                "revisions": revisions,
            },
        )

    def indicators(
        self,
        zone: str,
        name: str,
        *,
        page_size: int | None = None,
        as_of: When | None = None,
        revisions: Literal["latest", "all"] | None = None,
        kind: Literal["forecast", "actual"] | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
    ) -> Pages[models.IndicatorPage, models.IndicatorRow]:
        """Indicators by delivery period: `/v1/indicators`.

        Args:
            zone: Market or bidding zone, such as DE-LU.
            name: What is forecast or measured: load, wind, solar, temperature, gas, carbon, …
            page_size: Rows a page has at most. By default 1000.
            as_of: Instant as of which to answer: what was published later is not seen. Else now.
            revisions: Of each period the revision that held at `as_of`, or all until then. By default
                latest.
            kind: Only what was forecast, or what was measured.
            source: Only of this source.
            resolution: Only of this resolution, an ISO 8601 duration such as PT15M, PT1H, P1D.
            start: Of periods that begin then or later.
            end: Of periods that begin before.
        """
        return self._pages(
            "/v1/indicators",
            models.IndicatorPage,
            models.IndicatorRow,
            {
                "zone": zone,
                "name": name,
                "limit": page_size,
                "as_of": as_of,
                "revisions": revisions,
                "kind": kind,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
            },
        )

    def instruments(
        self,
        *,
        page_size: int | None = None,
        symbol: str | None = None,
        market: str | None = None,
        source: str | None = None,
    ) -> Pages[models.InstrumentPage, models.Instrument]:
        """Series that there are: `/v1/instruments`.

        Args:
            page_size: Rows a page has at most. By default 1000.
            symbol: Only of this symbol.
            market: Only of this market.
            source: Only of this source.
        """
        return self._pages(
            "/v1/instruments",
            models.InstrumentPage,
            models.Instrument,
            {"limit": page_size, "symbol": symbol, "market": market, "source": source},
        )

    def latest(
        self,
        *,
        page_size: int | None = None,
        symbol: str | None = None,
        market: str | None = None,
        source: str | None = None,
    ) -> Pages[models.LatestPage, models.Latest]:
        """Last prices, their change and forecast: `/v1/latest`.

        Args:
            page_size: Series a page has at most. By default 200.
            symbol: Only of this symbol.
            market: Only of this market.
            source: Only of this source.
        """
        return self._pages(
            "/v1/latest",
            models.LatestPage,
            models.Latest,
            {"limit": page_size, "symbol": symbol, "market": market, "source": source},
        )

    def markets(
        self,
    ) -> Pages[models.MarketPage, models.Market]:
        """Days and peak hours of markets: `/v1/markets`."""
        return self._pages("/v1/markets", models.MarketPage, models.Market, {})

    def predictions(
        self,
        symbol: str,
        *,
        page_size: int | None = None,
        as_of: When | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
    ) -> Pages[models.PredictionPage, models.Prediction]:
        """Predictions and their outcomes: `/v1/predictions`.

        Args:
            symbol: Symbol, as /v1/instruments lists it.
            page_size: Rows a page has at most. By default 1000.
            as_of: Instant as of which to answer: what was published later is not seen. Else now.
            source: Only of this source.
            resolution: Only of this resolution, an ISO 8601 duration such as PT15M, PT1H, P1D.
            start: Of periods that begin then or later.
            end: Of periods that begin before.
        """
        return self._pages(
            "/v1/predictions",
            models.PredictionPage,
            models.Prediction,
            {
                "symbol": symbol,
                "limit": page_size,
                "as_of": as_of,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
            },
        )

    def prices(
        self,
        symbol: str,
        *,
        currency: str | None = None,
        unit: str | None = None,
        page_size: int | None = None,
        as_of: When | None = None,
        revisions: Literal["latest", "all"] | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
    ) -> Pages[models.PricePage, models.Price]:
        """Prices by delivery period: `/v1/prices`.

        Args:
            symbol: Symbol, as /v1/instruments lists it.
            currency: In this currency, where no rate is needed, such as GBP of GBp; as they came by
                default.
            unit: Per this unit, such as MWh of MMBtu, as /v1/units lists; as they came by default.
            page_size: Rows a page has at most. By default 1000.
            as_of: Instant as of which to answer: what was published later is not seen. Else now.
            revisions: Of each period the revision that held at `as_of`, or all until then. By default
                latest.
            source: Only of this source.
            resolution: Only of this resolution, an ISO 8601 duration such as PT15M, PT1H, P1D.
            start: Of periods that begin then or later.
            end: Of periods that begin before.
        """
        return self._pages(
            "/v1/prices",
            models.PricePage,
            models.Price,
            {
                "symbol": symbol,
                "currency": currency,
                "unit": unit,
                "limit": page_size,
                "as_of": as_of,
                "revisions": revisions,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
            },
        )

    def alerts(
        self,
        *,
        page_size: int | None = None,
        state: Literal["open", "confirmed", "released", "all"] | None = None,
        rule: Literal[
            "range", "duplicate", "gap", "stuck", "spike", "unit", "sign", "shift", "late", "drift", "stale"
        ]
        | None = None,
        source: str | None = None,
        series: str | None = None,
        since: When | None = None,
    ) -> Pages[models.AlertsPage, models.Alert]:
        """Alerts on data: `/v1/quality/alerts`.

        Args:
            page_size: Rows a page has at most. By default 1000.
            state: What was said of it. By default open.
            rule: Only of this rule.
            source: Only of this source.
            series: Only of this symbol, or of this zone/name/kind of an indicator.
            since: Found then or later. Else within 30 days.
        """
        return self._pages(
            "/v1/quality/alerts",
            models.AlertsPage,
            models.Alert,
            {
                "limit": page_size,
                "state": state,
                "rule": rule,
                "source": source,
                "series": series,
                "since": since,
            },
        )

    def review_alert(self, id: str, body: models.ReviewBody) -> models.Alert:
        """Say of an alert that it is right, or that the data are: `/v1/quality/alerts/{id}/review`.

        Args:
            id: As /v1/quality/alerts lists it.
        """
        return self._said("/v1/quality/alerts/{id}/review", {"id": id}, body, models.Alert)

    def skill(
        self, symbol: str, *, start: When | None = None, end: When | None = None
    ) -> Pages[models.SkillPage, models.Skill]:
        """The record of a symbol's models: `/v1/skill`.

        Args:
            symbol: Symbol, as /v1/instruments lists it.
            start: Predictions from periods that begin then or later.
            end: Predictions from periods that begin before.
        """
        return self._pages(
            "/v1/skill", models.SkillPage, models.Skill, {"symbol": symbol, "start": start, "end": end}
        )

    def stream(
        self,
        *,
        symbols: str | None = None,
        events: Literal["prices", "predictions", "all"] | None = None,
        last_event_id: str | None = None,
    ) -> Generator[Event, None, None]:
        """Prices and predictions as they come: `/v1/stream`.

        Args:
            symbols: Symbols with commas between, at most 200; all by default.
            events: Which events. By default all.
            last_event_id: As the header Last-Event-ID, for who cannot send it; the header goes before.
        """
        return self._events(
            "/v1/stream", {"symbols": symbols, "events": events, "last_event_id": last_event_id}
        )

    def units(
        self,
    ) -> Pages[models.UnitPage, models.UnitRow]:
        """Units that prices are converted to: `/v1/units`."""
        return self._pages("/v1/units", models.UnitPage, models.UnitRow, {})


class AsyncRoutes(ABC):
    """What an `AsyncClient` asks: as `Routes`, where the parameters are described."""

    @abstractmethod
    def _pages(
        self, path: str, page: type[P], row: type[R], given: Mapping[str, Any]
    ) -> AsyncPages[P, R]: ...

    @abstractmethod
    async def _given(self, path: str, body: msgspec.Struct, kind: type[T]) -> T: ...

    @abstractmethod
    async def _said(self, path: str, names: Mapping[str, str], body: msgspec.Struct, kind: type[T]) -> T: ...

    @abstractmethod
    async def _file(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path: ...

    @abstractmethod
    async def _job(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path: ...

    @abstractmethod
    def _events(self, path: str, given: Mapping[str, Any]) -> AsyncGenerator[Event, None]: ...

    def aggregates(
        self,
        symbol: str,
        start: When,
        end: When,
        *,
        currency: str | None = None,
        unit: str | None = None,
        page_size: int | None = None,
        as_of: When | None = None,
        source: str | None = None,
        resolution: str | None = None,
        product: Literal["day-ahead", "intraday", "real-time", "settlement", "spot", "forward"] | None = None,
        every: Literal["hour", "day", "week", "month"] | None = None,
        profile: Literal["base", "peak", "off-peak"] | None = None,
        tz: str | None = None,
    ) -> AsyncPages[models.AggregatePage, models.Aggregate]:
        """As `Client.aggregates`."""
        return self._pages(
            "/v1/aggregates",
            models.AggregatePage,
            models.Aggregate,
            {
                "symbol": symbol,
                "start": start,
                "end": end,
                "currency": currency,
                "unit": unit,
                "limit": page_size,
                "as_of": as_of,
                "source": source,
                "resolution": resolution,
                "product": product,
                "every": every,
                "profile": profile,
                "tz": tz,
            },
        )

    async def curves(self, body: models.CurvesBody) -> models.CurvesPage:
        """As `Client.curves`."""
        return await self._given("/v1/curves", body, models.CurvesPage)

    async def download(
        self,
        path: Path | str,
        *,
        dataset: Literal["prices", "indicators", "predictions"] | None = None,
        format: Literal["csv", "parquet", "xlsx"] | None = None,
        symbol: str | None = None,
        zone: str | None = None,
        name: str | None = None,
        kind: Literal["forecast", "actual"] | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
        as_of: When | None = None,
        revisions: Literal["latest", "all"] | None = None,
    ) -> Path:
        """As `Client.download`."""
        return await self._file(
            "/v1/downloads",
            path,
            {
                "dataset": dataset,
                "format": format,
                "symbol": symbol,
                "zone": zone,
                "name": name,
                "kind": kind,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
                "as_of": as_of,
                "revisions": revisions,
            },
        )

    def downloads_columns(
        self, *, dataset: Literal["prices", "indicators", "predictions"] | None = None
    ) -> AsyncPages[models.ColumnPage, models.Column]:
        """As `Client.downloads_columns`."""
        return self._pages("/v1/downloads/columns", models.ColumnPage, models.Column, {"dataset": dataset})

    async def download_job(
        self,
        path: Path | str,
        *,
        dataset: Literal["prices", "indicators", "predictions"] | None = None,
        format: Literal["csv", "parquet", "xlsx"] | None = None,
        symbol: str | None = None,
        zone: str | None = None,
        name: str | None = None,
        kind: Literal["forecast", "actual"] | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
        as_of: When | None = None,
        revisions: Literal["latest", "all"] | None = None,
    ) -> Path:
        """As `Client.download_job`."""
        return await self._job(
            "/v1/downloads/jobs",
            path,
            {
                "dataset": dataset,
                "format": format,
                "symbol": symbol,
                "zone": zone,
                "name": name,
                "kind": kind,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
                "as_of": as_of,
                "revisions": revisions,
            },
        )

    def indicators(
        self,
        zone: str,
        name: str,
        *,
        page_size: int | None = None,
        as_of: When | None = None,
        revisions: Literal["latest", "all"] | None = None,
        kind: Literal["forecast", "actual"] | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
    ) -> AsyncPages[models.IndicatorPage, models.IndicatorRow]:
        """As `Client.indicators`."""
        return self._pages(
            "/v1/indicators",
            models.IndicatorPage,
            models.IndicatorRow,
            {
                "zone": zone,
                "name": name,
                "limit": page_size,
                "as_of": as_of,
                "revisions": revisions,
                "kind": kind,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
            },
        )

    def instruments(
        self,
        *,
        page_size: int | None = None,
        symbol: str | None = None,
        market: str | None = None,
        source: str | None = None,
    ) -> AsyncPages[models.InstrumentPage, models.Instrument]:
        """As `Client.instruments`."""
        return self._pages(
            "/v1/instruments",
            models.InstrumentPage,
            models.Instrument,
            {"limit": page_size, "symbol": symbol, "market": market, "source": source},
        )

    def latest(
        self,
        *,
        page_size: int | None = None,
        symbol: str | None = None,
        market: str | None = None,
        source: str | None = None,
    ) -> AsyncPages[models.LatestPage, models.Latest]:
        """As `Client.latest`."""
        return self._pages(
            "/v1/latest",
            models.LatestPage,
            models.Latest,
            {"limit": page_size, "symbol": symbol, "market": market, "source": source},
        )

    def markets(
        self,
    ) -> AsyncPages[models.MarketPage, models.Market]:
        """As `Client.markets`."""
        return self._pages("/v1/markets", models.MarketPage, models.Market, {})

    def predictions(
        self,
        symbol: str,
        *,
        page_size: int | None = None,
        as_of: When | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
    ) -> AsyncPages[models.PredictionPage, models.Prediction]:
        """As `Client.predictions`."""
        return self._pages(
            "/v1/predictions",
            models.PredictionPage,
            models.Prediction,
            {
                "symbol": symbol,
                "limit": page_size,
                "as_of": as_of,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
            },
        )

    def prices(
        self,
        symbol: str,
        *,
        currency: str | None = None,
        unit: str | None = None,
        page_size: int | None = None,
        as_of: When | None = None,
        revisions: Literal["latest", "all"] | None = None,
        source: str | None = None,
        resolution: str | None = None,
        start: When | None = None,
        end: When | None = None,
    ) -> AsyncPages[models.PricePage, models.Price]:
        """As `Client.prices`."""
        return self._pages(
            "/v1/prices",
            models.PricePage,
            models.Price,
            {
                "symbol": symbol,
                "currency": currency,
                "unit": unit,
                "limit": page_size,
                "as_of": as_of,
                "revisions": revisions,
                "source": source,
                "resolution": resolution,
                "start": start,
                "end": end,
            },
        )

    def alerts(
        self,
        *,
        page_size: int | None = None,
        state: Literal["open", "confirmed", "released", "all"] | None = None,
        rule: Literal[
            "range", "duplicate", "gap", "stuck", "spike", "unit", "sign", "shift", "late", "drift", "stale"
        ]
        | None = None,
        source: str | None = None,
        series: str | None = None,
        since: When | None = None,
    ) -> AsyncPages[models.AlertsPage, models.Alert]:
        """As `Client.alerts`."""
        return self._pages(
            "/v1/quality/alerts",
            models.AlertsPage,
            models.Alert,
            {
                "limit": page_size,
                "state": state,
                "rule": rule,
                "source": source,
                "series": series,
                "since": since,
            },
        )

    async def review_alert(self, id: str, body: models.ReviewBody) -> models.Alert:
        """As `Client.review_alert`."""
        return await self._said("/v1/quality/alerts/{id}/review", {"id": id}, body, models.Alert)

    def skill(
        self, symbol: str, *, start: When | None = None, end: When | None = None
    ) -> AsyncPages[models.SkillPage, models.Skill]:
        """As `Client.skill`."""
        return self._pages(
            "/v1/skill", models.SkillPage, models.Skill, {"symbol": symbol, "start": start, "end": end}
        )

    def stream(
        self,
        *,
        symbols: str | None = None,
        events: Literal["prices", "predictions", "all"] | None = None,
        last_event_id: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """As `Client.stream`."""
        return self._events(
            "/v1/stream", {"symbols": symbols, "events": events, "last_event_id": last_event_id}
        )

    def units(
        self,
    ) -> AsyncPages[models.UnitPage, models.UnitRow]:
        """As `Client.units`."""
        return self._pages("/v1/units", models.UnitPage, models.UnitRow, {})

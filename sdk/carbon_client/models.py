"""What the API gives out and takes.

Made from its OpenAPI document by `python -m tools sdk generate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from carbon_client.base import Answer, Given, Instant


class Aggregate(Answer, frozen=True, kw_only=True):
    """Prices of one hour, day, week or month [start, end), in `currency` per `unit`."""

    symbol: str
    source: str
    market: str
    product: Literal["day-ahead", "intraday", "real-time", "settlement", "spot", "forward"]
    provenance: Literal["market", "replay", "synthetic"]
    resolution: str
    """Of the prices that it is made from."""
    currency: str
    unit: str
    time_zone: str
    start: Instant
    end: Instant
    hours: float
    """Hours of the profile that it has: 23, 24 or 25 of a day's base."""
    covered_hours: float
    """Hours of which a price is known."""
    periods: int
    mean: float
    """By the length of the periods."""
    min: float
    max: float


class AggregatePage(Answer, frozen=True, kw_only=True):
    """Aggregates in the order of time. A page may have fewer than `limit`, and none, and still a next one."""

    conversion: list[str]
    """Where the figures are from that prices were converted by; empty where none was."""
    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Aggregate]


class Alert(Answer, frozen=True, kw_only=True):
    """What was found wrong or strange: of the periods of a series from period_start to period_end."""

    id: str
    rule: str
    """What was looked for."""
    severity: Literal["critical", "warning", "info"]
    """Critical is impossible, warning suspicious, info worth knowing."""
    of_topic: str
    source: str
    series: str
    """Symbol of a price, or zone/name/kind of an indicator."""
    market: str | None
    """As /v1/markets lists it; null of what is older than that."""
    resolution: str
    provenance: Literal["market", "replay", "synthetic"]
    period_start: Instant
    period_end: Instant
    published_at: Instant
    """When what tripped it was made known."""
    rows: int
    """Periods that are wrong or missing."""
    value: float | None
    expected: str
    evidence: str
    """The figure that decided."""
    remedy: str
    detected_at: Instant
    state: Literal["open", "confirmed", "released"]
    reviewed_by: str | None
    """Who of the asker's own tenant said it: tenant and credential; null of others."""
    reviewed_at: Instant | None
    reason: str | None
    """In that person's words; null of others."""


class AlertsPage(Answer, frozen=True, kw_only=True):
    """Alerts, those that were found last first."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Alert]


class Column(Answer, frozen=True, kw_only=True):
    """A column of a dataset's files."""

    name: str
    type: Literal["time", "number", "integer", "boolean", "text"]
    """time: an instant in UTC (Parquet: timestamp[us, UTC]; XLSX: a date, to the millisecond); number:
    float64; integer: int64; boolean; text (Parquet: dictionary of strings).
    """
    nullable: bool
    """Whether it may be empty."""
    unit: str | None
    """What it is counted in, or the column that says so."""
    meaning: str


class ColumnPage(Answer, frozen=True, kw_only=True):
    """All columns of a dataset's files, in their order; there is one page."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Column]


class CurvePrice(Answer, frozen=True, kw_only=True):
    """A price of [delivery_start, delivery_end)."""

    curve: str
    """quotes, or the name of a scenario."""
    delivery_start: Instant
    delivery_end: Instant
    price: float


class History(Given, frozen=True, kw_only=True):
    """Whose hourly prices give the shape."""

    symbol: str
    """Symbol with prices of PT1H, as /v1/instruments lists it."""
    as_of: Instant | None = None
    """From what was known then, of the three years before. Else now."""
    source: str | None = None
    """Of this source: where the symbol has several."""


class Position(Given, frozen=True, kw_only=True):
    """So many MW in each hour of a product, bought at a price, or sold where negative."""

    period: str
    """Local days of delivery: 2027, 2027-Q1, 2027-01, 2027-W05 or 2027-01-15."""
    megawatts: float
    """Bought; negative where sold."""
    price: float
    """At which it was traded, in the curve's unit."""
    profile: Literal["base", "peak", "off-peak"] = "base"
    """base is all hours; peak is the market's; off-peak the rest."""


class Quote(Given, frozen=True, kw_only=True):
    """A product's price: one number, or what is bid, asked or both."""

    period: str
    """Local days of delivery: 2027, 2027-Q1, 2027-01, 2027-W05 or 2027-01-15."""
    ask: float | None = None
    """Nor above."""
    bid: float | None = None
    """The curve's mean of the product is not below."""
    price: float | None = None
    """Met to 0.001; give this, or bid and ask."""
    profile: Literal["base", "peak", "off-peak"] = "base"
    """base is all hours; peak is the market's; off-peak the rest."""


class Product(Given, frozen=True, kw_only=True):
    """A profile of a period of delivery."""

    period: str
    """Local days of delivery: 2027, 2027-Q1, 2027-01, 2027-W05 or 2027-01-15."""
    profile: Literal["base", "peak", "off-peak"] = "base"
    """base is all hours; peak is the market's; off-peak the rest."""


class Outage(Given, frozen=True, kw_only=True, tag_field="kind", tag="outage"):
    """A plant is away: so much more an hour from one instant to another, as merit orders have it."""

    megawatts: float
    """That are missing."""
    per_gigawatt: float
    """What prices rise by for each 1,000 MW, in the curve's unit."""
    of: Product
    """The hours without it."""


class Reshape(Given, frozen=True, kw_only=True, tag_field="kind", tag="shape"):
    """Hours differ from the mean of their day by a multiple of what they do; days keep their means."""

    factor: float
    """1 changes nothing, 0 makes days flat."""


class Shift(Given, frozen=True, kw_only=True, tag_field="kind", tag="shift"):
    """All hours, or those of a product, cost so much more."""

    amount: float
    """In the curve's unit; negative for less."""
    of: Product | None = None
    """Of these hours; all by default."""


class Tilt(Given, frozen=True, kw_only=True, tag_field="kind", tag="tilt"):
    """The far end costs so much more than it does, the near end as it does, and what is between in line."""

    amount: float
    """Of the last hour, in the curve's unit; negative for less."""


class Scenario(Given, frozen=True, kw_only=True):
    """Steps, each on what the one before it made."""

    name: str
    steps: Sequence[Shift | Tilt | Reshape | Outage]


class CurvesBody(Given, frozen=True, kw_only=True):
    """Quotes, and what to make of them."""

    quotes: Sequence[Quote]
    """In one currency per unit."""
    contradictions: Literal["refuse", "least-squares"] = "refuse"
    """Quotes that no curve meets are refused, or met as nearly as can be."""
    market: str = "power"
    """Whose days and peak hours they are."""
    positions: Sequence[Position] = ()
    """To be valued against each curve."""
    resolution: Literal["PT1H", "P1D"] = "PT1H"
    """Of the curve: hours or local days."""
    scenarios: Sequence[Scenario] = ()
    """Each makes a curve of its own."""
    shape: History | None = None
    """What the hours' shape is learned from; else days are flat."""
    tz: str | None = None
    """IANA time zone of the days; the market's by default, else UTC."""


class Repriced(Answer, frozen=True, kw_only=True):
    """A quote beside the curve."""

    period: str
    profile: Literal["base", "peak", "off-peak"]
    mean: float
    """The curve's, by hours."""
    off: float
    """How far that is outside the quote."""


class Valued(Answer, frozen=True, kw_only=True):
    """A position against a curve."""

    curve: str
    period: str
    profile: Literal["base", "peak", "off-peak"]
    megawatts: float
    price: float
    hours: int
    energy: float
    """MWh."""
    mean: float
    """The curve's, by hours."""
    profit: float
    """In the quotes' currency."""


class CurvesPage(Answer, frozen=True, kw_only=True):
    """All prices of each curve in turn; CSV has them alone."""

    items: list[CurvePrice]
    quotes: list[Repriced]
    positions: list[Valued]
    time_zone: str


class Driver(Answer, frozen=True, kw_only=True):
    """A group of inputs that moved a forecast."""

    by: float
    """How far it moved the prediction from that of a usual day of its weekday."""
    input: str


class Fault(Answer, frozen=True, kw_only=True):
    """One thing that is wrong with a request."""

    field: str
    """Parameter, header or part of the request."""
    value: str | None
    """What was given, shortened."""
    detail: str
    remedy: str


class Forecast(Answer, frozen=True, kw_only=True):
    """The newest prediction of the period that follows."""

    made_from: Instant
    """Start of the period that it was made from; of a forecast of a delivery day, of its own."""
    period_start: Instant | None
    """As /v1/predictions has it."""
    issued_at: Instant
    prediction: float
    lower: float
    upper: float
    nominal_level: float
    """Share of prices that the interval is meant to hold."""
    model_name: str
    model_version: int
    model_alias: Literal["champion", "challenger", "naive"]
    skill: Literal["proven", "none"]


class IndicatorRow(Answer, frozen=True, kw_only=True):
    """The value of one delivery period [delivery_start, delivery_end), in `unit`."""

    zone: str
    """Market or bidding zone."""
    name: str
    """What is forecast or measured."""
    kind: Literal["forecast", "actual"]
    """Whether it was said beforehand or measured."""
    source: str
    """Who gave it."""
    resolution: str
    """Length of the series' periods: ISO 8601 duration."""
    delivery_start: Instant
    """Start of the period."""
    delivery_end: Instant
    """Its end, which is no part of it."""
    published_at: Instant
    """When it was made known."""
    value: float
    """May be zero or negative."""
    unit: str
    """What the value is counted in."""
    provenance: Literal["market", "replay", "synthetic"]
    """Whether it is the market's, replayed or made by a generator."""
    correction: bool
    """Whether it revises an earlier one."""
    replayed_from: Instant | None
    """Of a replayed value: the day that it is of."""


class IndicatorPage(Answer, frozen=True, kw_only=True):
    """Values by kind, source, resolution, delivery_start and published_at: a series after the other."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[IndicatorRow]


class Instrument(Answer, frozen=True, kw_only=True):
    """A series of prices: one instrument of one source."""

    symbol: str
    source: str
    market: str
    product: Literal["day-ahead", "intraday", "real-time", "settlement", "spot", "forward"]
    resolution: str
    currency: str
    unit: str
    provenance: Literal["market", "replay", "synthetic"]
    first_delivery: Instant
    """Start of its first delivery period that has a price."""
    last_delivery: Instant
    """End of its last one."""
    last_published: Instant
    """When its newest price, or withdrawal, was made known."""


class InstrumentPage(Answer, frozen=True, kw_only=True):
    """Series in the order of their columns. `as_of` is when the list was read."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Instrument]


class Job(Answer, frozen=True, kw_only=True):
    """A file that was asked for."""

    id: str
    state: Literal["queued", "running", "done", "failed", "expired"]
    dataset: Literal["prices", "indicators", "predictions"]
    format: Literal["csv", "parquet", "xlsx"]
    asked: str
    """What else was asked, as the query of an address."""
    as_of: Instant
    """Instant as of which the file is."""
    asked_at: Instant
    asked_by: str
    """Credential that asked."""
    rows: int
    """Rows that are in the file so far."""
    rows_estimated: int | None
    """How many there will be, as the database guesses."""
    progress: float | None
    """Share of the guess that is there, 0 to 1, and 1 of what is done; null without a guess."""
    bytes: int
    """Size of the file so far."""
    error: str | None
    """Why it failed, or why it was begun again."""
    ended_at: Instant | None
    expires_at: Instant | None
    """Until when the file and its link are there."""
    link: str | None
    """Where the file is, below the API's address, without a credential."""


class JobsPage(Answer, frozen=True, kw_only=True):
    """The newest first."""

    items: list[Job]


class Latest(Answer, frozen=True, kw_only=True):
    """The last price of a series."""

    symbol: str
    source: str
    market: str
    product: Literal["day-ahead", "intraday", "real-time", "settlement", "spot", "forward"]
    resolution: str
    currency: str
    unit: str
    provenance: Literal["market", "replay", "synthetic"]
    delivery_start: Instant
    delivery_end: Instant
    published_at: Instant
    price: float
    previous_start: Instant | None
    """Period that it is compared with: the one before, of periods shorter than a day the one at the same
    time a day earlier. Null where none is known.
    """
    previous_price: float | None
    change: float | None
    """price - previous_price, in currency and unit."""
    forecast: Forecast | None
    """Null where nothing was predicted."""


class LatestPage(Answer, frozen=True, kw_only=True):
    """Series in the order of /v1/instruments."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Latest]


class Listed(Answer, frozen=True, kw_only=True):
    """What is saved, without its content."""

    name: str
    saved_at: Instant
    saved_by: str
    """Credential that saved it."""


class Market(Answer, frozen=True, kw_only=True):
    """A market's calendar."""

    market: str
    """As /v1/instruments names it; other stands for those that are not listed."""
    time_zone: str
    """IANA time zone of its days, where `tz` is not given."""
    peak_weekdays: str
    """Days of peak hours."""
    holidays: str
    """What holidays among them are."""
    peak_start: str
    """Local time at which they begin."""
    peak_end: str
    """Local time at which they end."""


class MarketPage(Answer, frozen=True, kw_only=True):
    """All there are; there is one page."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Market]


class Outcome(Answer, frozen=True, kw_only=True):
    """The price that followed."""

    delivery_start: Instant
    """Start of the period that it is of."""
    published_at: Instant
    """When the market made it known, as it now is."""
    price: float
    """What came of it."""
    covered: bool
    """Whether the interval held it."""
    error: float
    """Of the prediction: its distance from the price."""
    naive_error: float
    """Of the last price, taken as a prediction."""


class Prediction(Answer, frozen=True, kw_only=True):
    """A prediction of the price of the next period, in the symbol's unit."""

    symbol: str
    """As /v1/instruments lists it."""
    source: str
    """Whose prices it was made from."""
    market: str
    """As /v1/markets lists it."""
    resolution: str
    """Length of the series' periods: ISO 8601 duration."""
    provenance: Literal["market", "replay", "synthetic"]
    """Whether those prices are the market's, replayed or made by a generator."""
    event_time: Instant
    """Start of the last period that it was made from; of a forecast of a whole delivery day (model_name
    begins with delivery-day), of the period that it is of.
    """
    period_start: Instant | None
    """Start of the period that it is of, for a forecast of a delivery day; null is the period that follows
    event_time.
    """
    price_published_at: Instant
    """When that period's price was known; of a forecast of a delivery day, when it was issued."""
    issued_at: Instant
    """When the prediction was made."""
    horizon_periods: int
    """How many periods ahead it is."""
    price: float
    """The naive forecast: the last price, or that of the period a day or a week before."""
    prediction: float
    """The price that is expected."""
    lower: float
    """Lower end of the interval."""
    upper: float
    """Upper end of the interval."""
    nominal_level: float
    """Share of prices that the interval is meant to hold."""
    model_name: str
    """Name in the registry."""
    model_version: int
    """Version in the registry."""
    model_alias: Literal["champion", "challenger", "naive"]
    """What the model then was: champion, challenger, or naive where there was none."""
    skill: Literal["proven", "none"]
    """Whether the model had beaten the naive last value on a window that it had not seen."""
    skill_score: float | None
    """Share of the naive error that the model had saved on that window."""
    moved_by: list[Driver] | None
    """Of a forecast of a delivery day: what moved it, the most first. Null where nobody said."""
    outcome: Outcome | None
    """Null while it is not known, where it was known when the prediction was made, and where it was
    withdrawn.
    """


class PredictionPage(Answer, frozen=True, kw_only=True):
    """Predictions by event_time, source, resolution and price_published_at."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Prediction]


class Price(Answer, frozen=True, kw_only=True):
    """A price of one delivery period [delivery_start, delivery_end), in `currency` per `unit`."""

    symbol: str
    """As /v1/instruments lists it."""
    source: str
    """Who gave it."""
    market: str
    """As /v1/markets lists it."""
    product: Literal["day-ahead", "intraday", "real-time", "settlement", "spot", "forward"]
    """What was traded."""
    resolution: str
    """Length of the series' periods: ISO 8601 duration; PT0S is a quote."""
    delivery_start: Instant
    """Start of the period."""
    delivery_end: Instant
    """Its end, which is no part of it."""
    published_at: Instant
    """When the market made it known."""
    price: float
    """May be zero or negative."""
    currency: str
    """ISO 4217 code, or GBp: pence."""
    unit: str
    """What the price is for one of."""
    provenance: Literal["market", "replay", "synthetic"]
    """Whether it is the market's, replayed or made by a generator."""
    correction: bool
    """Whether it revises an earlier one."""
    withdrawn: Literal["source", "platform"] | None
    """Of a revision that takes `price` back, so that from then on the period has none: by its `source`,
    which has none any more, or by the `platform`, which holds it to be wrong. Null of all that hold;
    withdrawals are among `revisions=all` alone.
    """
    replayed_from: Instant | None
    """Of a replayed price: the day that it is of."""


class PricePage(Answer, frozen=True, kw_only=True):
    """Prices by delivery_start, source, resolution and published_at."""

    conversion: list[str]
    """Where the figures are from that prices were converted by; empty where none was."""
    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Price]


class Problem(Answer, frozen=True, kw_only=True):
    """RFC 9457 problem. `errors` has one entry a fault of the request; it is empty where it has none."""

    title: str
    status: int
    detail: str
    remedy: str
    request_id: str
    errors: list[Fault]
    type: str = "about:blank"


class ReviewBody(Given, frozen=True, kw_only=True):
    """What is said of it."""

    state: Literal["confirmed", "released"]
    """`confirmed`: the alert is right; `released`: the data are."""
    reason: str
    """Why; it is recorded."""


class Saved(Answer, frozen=True, kw_only=True):
    """What is saved."""

    name: str
    saved_at: Instant
    saved_by: str
    """Credential that saved it."""
    curves: dict[str, Any]
    """The body that /v1/curves takes."""


class ScenariosPage(Answer, frozen=True, kw_only=True):
    """By name."""

    items: list[Listed]


class Skill(Answer, frozen=True, kw_only=True):
    """The record of one model under one alias. Real and synthetic prices share no figure."""

    symbol: str
    source: str
    """Of the prices: errors of two sources, in two currencies, have no mean."""
    resolution: str
    data: Literal["real", "synthetic"]
    model_name: str
    model_version: int
    model_alias: Literal["champion", "challenger", "naive"]
    nominal_level: float
    outcomes: int
    first: Instant
    """event_time of the first prediction that counts."""
    last: Instant
    """event_time of the last one."""
    coverage: float
    """Share of intervals that held the price that followed."""
    mean_absolute_error: float
    naive_mean_absolute_error: float
    skill: float | None
    """1 - error / naive error: above 0 beats the last price. Null where that never erred."""


class SkillPage(Answer, frozen=True, kw_only=True):
    """One entry a source, model, alias and level; there is one page."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[Skill]


class UnitRow(Answer, frozen=True, kw_only=True):
    """A unit that prices are converted to, within its dimension."""

    unit: str
    dimension: str
    factor: float
    """J, W, m3 or kg that one has."""
    source: str
    """Who says so."""


class UnitPage(Answer, frozen=True, kw_only=True):
    """All there are; there is one page."""

    as_of: Instant
    """Instant as of which all pages of this question are answered."""
    next: str | None
    """Cursor of the next page; null on the last one."""
    items: list[UnitRow]

"""Third-party APIs that api-integration asks: one table of what may be asked, how often, and on which terms.

infra reads the hosts and the names of the keys from it, the workload the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from workloads.kit.contracts.zones import WEATHER_POINTS

_HOUR: Final = 3_600
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter that a route takes; every other is refused.

    Args:
        kind: `number` and `integer` lie from `low` to `high`, the first rounded to `decimals`, so that
            points next to each other share an answer; `text` matches `pattern`; `list` is of `choices`,
            divided by commas.
        default: what stands for one that is not given; without it the parameter is required.
        case: into which a text is brought.
        upstream: its name at the provider, where it is another.
    """

    kind: Literal["number", "integer", "text", "list"]
    about: str
    low: float = 0
    high: float = 0
    decimals: int = 2
    pattern: str = ""
    case: Literal["upper", "lower", "as-is"] = "as-is"
    choices: tuple[str, ...] = ()
    default: str | None = None
    upstream: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One kind of question.

    Args:
        path: at the provider; `{name}` is a parameter, the others go into the query.
        parameters: that a caller may give.
        constants: query parameters that are always sent.
        cost: units of the provider's own count that a call uses.
        tags: parameters by whose value answers can be withdrawn, as `<parameter>:<value>`.
        ttl_seconds: how long an answer is fresh, give or take `JITTER`.
    """

    path: str
    about: str
    parameters: Mapping[str, Parameter]
    constants: Mapping[str, str]
    cost: int = 1
    ttl_seconds: int = _HOUR
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `calls` units within any `seconds`."""

    calls: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A provider's key: the secret `secret`, sent as the query parameter `parameter` to `url`.

    Args:
        url: where it answers those who have a key, if that is another place.
    """

    secret: str
    parameter: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A third-party API.

    Args:
        quota: whose calls are counted together: providers of one name share their `limits`.
        limits: what the provider allows, or what is polite where it names nothing.
        key: where it takes one; without the secret it is asked without.
        stale_seconds: how long after it was fresh an answer is still given while the provider fails.
        negative_seconds: how long its word that there is no such thing is believed.
        licence: of its data, and what that asks of those who show them.
    """

    url: str
    about: str
    routes: Mapping[str, Route]
    quota: str
    limits: tuple[Limit, ...]
    licence: str
    key: Key | None = None
    stale_seconds: int = _DAY
    negative_seconds: int = 300


JITTER: Final = 0.1
"""Share of a time to live by which it is shortened or lengthened, so that what came together does not end
together."""

_OPEN_METEO: Final = (
    Limit(calls=600, seconds=60),
    Limit(calls=5_000, seconds=_HOUR),
    Limit(calls=10_000, seconds=_DAY),
)
_OPEN_METEO_LICENCE: Final = (
    "CC BY 4.0, credit Open-Meteo.com; without a key for non-commercial use only, 10,000 calls a day"
)
_OPEN_METEO_SECRET: Final = "open-meteo"  # noqa: S105 - its name
_VARIABLES: Final = (
    *("cloud_cover", "direct_normal_irradiance", "precipitation", "relative_humidity_2m"),
    *("shortwave_radiation", "temperature_2m", "wind_speed_10m", "wind_speed_100m"),
)
_COUNTRY: Final = Parameter(kind="text", about="ISO 3166-1 alpha-2 code", pattern=r"[A-Z]{2}", case="upper")

PROVIDERS: Final[Mapping[str, Provider]] = {
    "weather": Provider(
        url="https://api.open-meteo.com",
        about="forecasts of the weather, from national weather services' models",
        quota="open-meteo",
        limits=_OPEN_METEO,
        licence=_OPEN_METEO_LICENCE,
        key=Key(secret=_OPEN_METEO_SECRET, parameter="apikey", url="https://customer-api.open-meteo.com"),
        routes={
            "forecast": Route(
                path="/v1/forecast",
                about="of a point, hour by hour, in UTC",
                parameters={
                    "latitude": Parameter(kind="number", about="degrees north", low=-90, high=90),
                    "longitude": Parameter(kind="number", about="degrees east", low=-180, high=180),
                    "hourly": Parameter(
                        kind="list", about="variables", choices=_VARIABLES, default="temperature_2m"
                    ),
                    "days": Parameter(
                        kind="integer",
                        about="days from today",
                        low=1,
                        high=16,
                        default="7",
                        upstream="forecast_days",
                    ),
                },
                constants={"timezone": "GMT"},
            ),
            "temperature": Route(
                path="/v1/forecast",
                about="of every zone of contracts/zones.py, as rows for the pipeline",
                parameters={},
                constants={
                    "latitude": ",".join(f"{point.latitude}" for point in WEATHER_POINTS.values()),
                    "longitude": ",".join(f"{point.longitude}" for point in WEATHER_POINTS.values()),
                    "hourly": "temperature_2m",
                    "forecast_days": "7",
                    "timezone": "GMT",
                },
                # A point is a call in its own right.
                cost=len(WEATHER_POINTS),
            ),
        },
    ),
    "geolocation": Provider(
        url="https://geocoding-api.open-meteo.com",
        about="places by name",
        quota="open-meteo",
        limits=_OPEN_METEO,
        licence=_OPEN_METEO_LICENCE + "; places from GeoNames, CC BY 4.0",
        key=Key(
            secret=_OPEN_METEO_SECRET,
            parameter="apikey",
            url="https://customer-geocoding-api.open-meteo.com",
        ),
        routes={
            "search": Route(
                path="/v1/search",
                about="places of a name, the largest first",
                parameters={
                    "name": Parameter(
                        kind="text",
                        about="name or postal code",
                        pattern=r"[^\x00-\x1f\x7f]{2,80}",
                        case="lower",
                    ),
                    "count": Parameter(kind="integer", about="places at most", low=1, high=100, default="10"),
                    "language": Parameter(
                        kind="text", about="of the names", pattern=r"[a-z]{2}", case="lower", default="en"
                    ),
                },
                constants={"format": "json"},
            ),
        },
    ),
    "reference": Provider(
        url="https://api.gleif.org",
        about="legal entities of the market by their LEI",
        quota="gleif",
        limits=(Limit(calls=60, seconds=60),),
        licence="CC0 1.0",
        routes={
            "lei": Route(
                path="/api/v1/lei-records/{lei}",
                about="the record of an LEI",
                parameters={
                    "lei": Parameter(
                        kind="text", about="ISO 17442 code", pattern=r"[A-Z0-9]{18}[0-9]{2}", case="upper"
                    )
                },
                constants={},
                tags=("lei",),
            ),
        },
    ),
    "holidays": Provider(
        url="https://date.nager.at",
        about="public holidays",
        quota="nager",
        limits=(Limit(calls=120, seconds=60),),
        licence="data as is, of an MIT licensed project: Nager.Date",
        routes={
            "public": Route(
                path="/api/v3/PublicHolidays/{year}/{country}",
                about="of a country and year",
                parameters={
                    "year": Parameter(kind="integer", about="year", low=1975, high=2075),
                    "country": _COUNTRY,
                },
                constants={},
                tags=("country",),
            ),
        },
    ),
}


def hosts() -> tuple[str, ...]:
    """Host names that the table leads to, sorted; all are spoken to by HTTPS on port 443."""
    urls = {one.url for one in PROVIDERS.values()}
    urls |= {one.key.url for one in PROVIDERS.values() if one.key is not None and one.key.url}
    return tuple(sorted(urlsplit(url).netloc for url in urls))


def secrets() -> tuple[str, ...]:
    """Names of the keys' secrets, sorted."""
    return tuple(sorted({one.key.secret for one in PROVIDERS.values() if one.key is not None}))


def placed(path: str) -> tuple[str, ...]:
    """Names of the parameters that stand in a route's path."""
    return tuple(re.findall(r"{(\w+)}", path))

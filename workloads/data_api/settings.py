"""Settings of data-api."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, field_validator, model_validator

from workloads.data_api.downloads.jobs.settings import JobSettings
from workloads.kit import markets
from workloads.kit.contracts import ports
from workloads.kit.settings import NonEmpty, PostgresSettings, RedisSettings


def zone(name: str) -> str:
    """The name of an IANA time zone. ValueError, with the remedy, where it is none."""
    # Not what a machine's own files have besides, such as localtime.
    if name not in _zones():
        raise ValueError(f"{name[:64]!r} is no IANA time zone: give one such as Europe/Berlin")
    return name


@cache
def _zones() -> frozenset[str]:
    listed = (files("tzdata") / "zones").read_text(encoding="utf-8").split()
    return frozenset(listed) - {"Factory"}


ZoneName = Annotated[NonEmpty, AfterValidator(zone)]


Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")]
"""Address without a path: it becomes part of a page's policy."""

_ASYMMETRIC: Final = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)
_NEAR: Final = ("http://127.0.0.1:", "http://localhost:")


class OidcSettings(BaseModel):
    """An issuer of access tokens, and how it says what counts here."""

    model_config = ConfigDict(frozen=True)

    issuer: NonEmpty
    """As tokens name it (`iss`), and where its description is found."""
    audience: NonEmpty
    """What a token has to be for (`aud`)."""
    keys_url: NonEmpty | None = None
    """Its keys (JWKS); by default where its description says."""
    inside: NonEmpty | None = None
    """Where the issuer answers within the cluster, if that is another address than the one that people use:
    its description, keys and tokens are then asked for there, over HTTP as between all pods of a cluster."""
    client_id: NonEmpty | None = None
    """Public client through which people sign in to the hub; without it they come with an API key alone."""
    hub: NonEmpty | None = None
    """Address at which people reach the hub, without a path; the issuer sends them back there."""
    session_seconds: int = Field(default=4 * 3600, ge=60)
    """How long a person who signed in is known; then the issuer is asked again."""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    tenant_claim: NonEmpty = "tenant"
    roles_claim: NonEmpty = "roles"
    """A list, or text with spaces; `a.b` is claim b within claim a."""
    mfa_amr: tuple[str, ...] = ("mfa", "otp", "hwk")
    mfa_acr: tuple[str, ...] = ()
    """Values of `amr` and `acr`, one of which an administrator's token has."""
    leeway_seconds: int = Field(default=30, ge=0, le=300)
    keys_seconds: float = Field(default=600.0, gt=0)
    """How old the keys may be before they are read again."""
    rest_seconds: float = Field(default=10.0, ge=0)
    """Between two readings, whatever tokens ask for."""
    timeout_seconds: float = Field(default=3.0, gt=0)

    @field_validator("algorithms")
    @classmethod
    def _asymmetric(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in given if name not in _ASYMMETRIC]
        if wrong or not given:
            raise ValueError(f"{', '.join(wrong) or 'none'}: give some of {', '.join(sorted(_ASYMMETRIC))}")
        return given

    @property
    def at(self) -> str:
        """Below which its description is read."""
        return (self.inside or self.issuer).rstrip("/")

    def checked(self, url: str) -> str:
        """An address of its description that is asked from here. ValueError as `checked_url`."""
        if self.inside is not None and _origin(url) == _origin(self.inside):
            return url
        return self.checked_url(url)

    @model_validator(mode="after")
    def _comes_back(self) -> Self:
        if self.client_id is not None and self.hub is None:
            raise ValueError(
                "client_id is given and hub is not: give the address at which people reach the hub"
            )
        return self

    @field_validator("inside")
    @classmethod
    def _of_the_web(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://")):
            raise ValueError(f"{url[:100]!r} is no address: give one that begins with http:// or https://")
        return url

    @field_validator("issuer", "keys_url", "hub")
    @classmethod
    def _safe(cls, url: str | None) -> str | None:
        return None if url is None else cls.checked_url(url)

    @staticmethod
    def checked_url(url: str) -> str:
        """The address. ValueError where what comes from it could be somebody else's."""
        if not url.startswith(("https://", *_NEAR)):
            raise ValueError(f"{url[:100]!r} is not https: give an address that is")
        return url


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class DataApiSettings(PostgresSettings, RedisSettings, JobSettings):
    """What is served, how much at once, and how long an answer holds."""

    code_version: NonEmpty = "unversioned"

    port: int = Field(default=ports.DATA_API, ge=1, le=65535)
    workers: int = Field(default=2, ge=1)
    threads: int = Field(default=24, ge=2)
    graceful_seconds: int = Field(default=10, ge=0)
    metrics_dir: Path = Path("/tmp/metrics")  # noqa: S108 - the pod's own scratch volume
    """Where the workers leave their figures for each other; emptied at start."""

    charting: Path = Path("/app/charting")
    """Where the files of uPlot are, with which the hub draws; without them its tables remain."""
    graphiql: Path = Path("/app/graphiql")
    """Where the files of GraphiQL are, in which people try /graphql; without them that page says so."""

    store_connections: int = Field(default=4, ge=1)
    """Connections to the database that a worker holds at most."""
    store_waiting: int = Field(default=12, ge=1)
    """Requests of a worker that may wait for one of them; one more is answered 503 at once."""
    store_wait_seconds: float = Field(default=2.0, gt=0)
    """How long such a request waits, and so how long it takes to say that the database is away."""
    store_timeout_seconds: float = Field(default=5.0, gt=0)
    """How long the database may work on one question."""
    catalogue_seconds: float = Field(default=30.0, ge=0)
    """How old the list of instruments may be."""

    access_seconds: float = Field(default=5.0, ge=0)
    """How old keys and entitlements may be: a change of them holds after this."""
    access_most_seconds: float = Field(default=300.0, gt=0)
    """How old while the database is away; then nobody is let in, for a key may have been revoked."""

    usage_seconds: float = Field(default=5.0, gt=0)
    """How long what was used stays in memory before it is written."""
    oidc: OidcSettings | None = None
    """JSON; without it only API keys are taken."""

    dashboards: Origin | None = None
    """Address at which people reach Superset, without a path; the hub shows each tenant its own dashboard."""
    dashboards_key_file: FilePath | None = None
    """What guests' tokens of Superset are signed with."""

    downloads: int = Field(default=2, ge=1)
    """Downloads of a worker at once; each holds a connection to the database."""
    download_patience_seconds: float = Field(default=30.0, gt=0)
    """How long a client may take nothing of one, or the database give nothing."""
    download_seconds: float = Field(default=600.0, gt=0)
    """How long one may take."""
    xlsx_rows: int = Field(default=20_000, ge=1, le=1_048_575)
    """Rows that a spreadsheet may have: it is made in whole before it is sent, with a worker's interpreter to
    itself for some four seconds of prices, eight of predictions."""

    graphql_tokens: int = Field(default=600, ge=1)
    graphql_depth: int = Field(default=8, ge=1)
    graphql_aliases: int = Field(default=20, ge=0)
    graphql_rows: int = Field(default=5000, ge=1)
    """How much one request of GraphQL may ask for; rows of a field count for each row that it stands in."""

    settled_seconds: int = Field(default=86_400, ge=0)
    """How long after an instant what was published by then may still arrive here."""
    market_zones: dict[str, ZoneName] = Field(default={})
    """market → IANA time zone of its days, where `tz` is not given: of others, and instead of what the table
    of markets says. UTC for a market that is in neither."""

    @property
    def zones(self) -> dict[str, str]:
        """market → IANA time zone of its days, of all that are known."""
        return {**markets.ZONES, **self.market_zones}

    def zone(self, market: str) -> str:
        """IANA time zone of a market's days."""
        return self.zones.get(market, markets.DEFAULT_ZONE)

    @model_validator(mode="after")
    def _dashboards_have_a_key(self) -> Self:
        if self.dashboards is not None and self.dashboards_key_file is None:
            raise ValueError("dashboards needs dashboards_key_file: nobody is a guest without a token")
        return self

    @model_validator(mode="after")
    def _sessions_are_signed(self) -> Self:
        if self.oidc is not None and self.oidc.client_id is not None and self.postgres_password_file is None:
            raise ValueError(
                "oidc.client_id needs postgres_password_file: sessions are signed with what all pods hold"
            )
        return self

    @model_validator(mode="after")
    def _probes_find_a_thread(self) -> Self:
        if self.threads <= self.store_connections + self.store_waiting:
            raise ValueError(
                f"threads {self.threads} has to be above store_connections {self.store_connections} +"
                f" store_waiting {self.store_waiting}, or health checks wait behind questions"
            )
        return self

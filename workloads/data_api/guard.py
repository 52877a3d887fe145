"""The one place that decides who is let in to what: each route says what it needs, or nobody is.

A route declares product and scope with `needs`, and so in the OpenAPI document; one that declares neither
and is not among `OPEN` is refused to all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import structlog
from flask import Flask, Response, current_app, g, request
from psycopg import sql

from workloads.data_api import credentials, identity, keys, people, sessions
from workloads.data_api.identity import Principal
from workloads.data_api.issuer import Issuer
from workloads.data_api.keys import Key
from workloads.data_api.limits import Limits
from workloads.data_api.people import People
from workloads.data_api.problems import Refused
from workloads.data_api.refusals import second_factor, unauthorized
from workloads.data_api.register import Known, Register
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.signin import Journey, SignIn
from workloads.data_api.store import Store
from workloads.data_api.tokens import Tokens
from workloads.data_api.usage import Refusal, Usage
from workloads.kit import redis_client
from workloads.kit.contracts.entitlements import Product, Scope
from workloads.kit.contracts.tables import API_USAGE, SCHEMA

F = TypeVar("F", bound=Callable[..., Any])

OPEN: Final = frozenset(
    {
        *("live", "ready", "exposition", "docs.page", "docs.start", "docs.described", "docs.static"),
        # A link is signed, and asks for nothing else.
        "download_file",
        # Of the hub what tells nothing; its pages ask `visitor` themselves, to lead to the log-in.
        *("hub.start", "hub.page", "hub.login", "hub.enter", "hub.leave", "hub.static", "hub.charting"),
        *("hub.graphiql", "playground"),
        *("hub.sign_in", "hub.signed_in", "hub.sign_out"),
    }
)
"""Endpoints that need no credential: they tell nothing that was bought, or check a link's own signature."""

GUARD: Final = "guard"
"""Name of the guard among the application's extensions."""

SCHEME: Final = "bearer"
"""Name of the security scheme in the OpenAPI document."""

_ROWS_SINCE: Final = sql.SQL(
    "SELECT coalesce(sum(row_count), 0)::bigint AS rows FROM {}"
    " WHERE tenant_id = %(tenant)s AND hour >= %(since)s"
).format(sql.Identifier(SCHEMA, API_USAGE))

_log: Any = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Need:
    """What a route needs of who asks."""

    product: Product
    scope: Scope
    session: Product | None = None
    """Product that opens it to the hub's own pages, in a person's session; None: nothing does."""


def needs(product: Product, scope: Scope, *, session: Product | None = None) -> Callable[[F], F]:
    """Declares a view's need."""

    def declare(view: F) -> F:
        view.__dict__["need"] = Need(product, scope, session)
        return view

    return declare


def need(app: Flask, endpoint: str) -> Need | None:
    """What an endpoint declares."""
    return getattr(app.view_functions.get(endpoint), "need", None)


class Reader(Protocol):
    """What is needed of `register.Register`."""

    def known(self) -> Known: ...


class Guard:
    """Lets requests in, one after the other: credential, tenant, product, scope, limits; and counts them."""

    def __init__(
        self,
        register: Reader,
        tokens: Tokens | None = None,
        limits: Limits | None = None,
        usage: Usage | None = None,
        people: People | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        """Args:
        people: sessions of those who signed in at the issuer; None: nobody does.
        sign_in: the way there and back.
        """
        self._register, self._tokens, self._limits, self._usage = register, tokens, limits, usage
        self.people, self.sign_in = people, sign_in

    def install(self, app: Flask) -> None:
        """Stand before every route of the application."""
        app.before_request(self._decided)
        app.after_request(self._count)
        app.teardown_request(lambda _: identity.admit(None))

    def close(self) -> None:
        """Write what is still to be written of what was used."""
        if self._usage is not None:
            self._usage.close()

    def _decided(self) -> None:
        try:
            self._decide()
        except Refused as refused:
            self._record(refused)
            raise

    def _record(self, refused: Refused) -> None:
        principal: Principal | None = g.get("principal")
        tenant, key = (principal.tenant, principal.key) if principal else (None, "nobody")
        subject = request.endpoint or "no route"
        _log.info("access.refused", endpoint=subject, status=refused.status, reason=refused.reason)
        if self._usage is not None:
            self._usage.refuse(Refusal(tenant, key, subject, refused.reason))

    def _decide(self) -> None:
        identity.admit(None)
        credentials.none_in_url()
        endpoint = request.endpoint
        if endpoint is None or endpoint in OPEN:
            return
        wanted = need(current_app, endpoint)
        if wanted is None:
            raise Refused(
                403,
                "no product opens it",
                field="path",
                value=request.path,
                remedy="ask those who run the platform to declare who may use it",
                reason="undeclared",
            )
        if "Authorization" in request.headers or wanted.session is None:
            principal, product = self._identified(credentials.bearer()), wanted.product
        else:
            principal, product = self.visitor(), wanted.session
            g.by_page = True
        # Before it may be refused: the record says whom.
        g.principal = principal
        structlog.contextvars.bind_contextvars(tenant=principal.tenant, key=principal.key)
        entitled(principal, product)
        _scoped(principal, wanted.scope)
        if self._limits is not None:
            self._limits.take(principal)
        identity.admit(principal)
        g.product = product

    def _count(self, response: Response) -> Response:
        product: Product | None = g.get("product")
        if product is None or response.status_code >= 400:
            return response
        principal: Principal = g.principal
        # What was not sent is not counted: a HEAD's body, and that of what a client has already.
        sent = response.status_code != 304 and request.method != "HEAD"
        rows = g.get("rows", 0) if sent and response.status_code == 200 else 0
        size = (response.content_length or 0) if sent else 0
        if self._limits is not None:
            self._limits.add(principal, rows)
        if self._usage is not None:
            self._usage.count(principal.tenant, principal.key, product, rows=rows, size=size)
        _log.info("access.granted", endpoint=request.endpoint, product=product, rows=rows, bytes=size)
        return response

    def sent(self, principal: Principal, product: Product, rows: int, size: int) -> None:
        """Count what was sent after its request was: a file, as it goes."""
        if self._limits is not None:
            self._limits.add(principal, rows)
        if self._usage is not None:
            self._usage.count(principal.tenant, principal.key, product, rows=rows, size=size, requests=0)

    def visitor(self) -> Principal:
        """Whose session the request is of. Refused, 401, where it is of none."""
        if sessions.COOKIE not in request.cookies:
            raise unauthorized("there is no bearer credential, and no session of the hub")
        if not sessions.of_this_site():
            raise unauthorized("another site may not ask in a person's name")
        known = self._register.known()
        if self.people is not None and (person := self.people.read(request.cookies[sessions.COOKIE])):
            entitlement = known.entitlements.get(person.tenant)
            if entitlement is None:
                raise unauthorized("its tenant is no longer one")
            scopes = frozenset(person.scopes)
            return Principal(tenant=person.tenant, key=person.key, scopes=scopes, entitlement=entitlement)
        key = known.keys.get(sessions.key_id() or "")
        if key is None or not sessions.proven(key):
            raise unauthorized("the session is over")
        return _usable(known, key)

    def holder(self, credential: str) -> Key:
        """The key that a person logs in with. Refused, 401, and recorded, where it may not be used."""
        try:
            known = self._register.known()
            key = _key(known, credential.strip())
            _usable(known, key)
        except Refused as refused:
            self._record(refused)
            raise
        return key

    def signed_in(self, kept: Journey | None, answer: Mapping[str, str]) -> Principal:
        """Who comes back from the issuer. Refused, and recorded, where nobody is let in."""
        assert self.sign_in is not None
        try:
            return self.sign_in.end(kept, answer, self._register.known().entitlements)
        except Refused as refused:
            self._record(refused)
            raise

    def _identified(self, credential: str) -> Principal:
        known = self._register.known()
        if self._tokens is not None and not credential.startswith(keys.PREFIX):
            return self._tokens.principal(credential, known.entitlements)
        return _usable(known, _key(known, credential))


def _key(known: Known, credential: str) -> Key:
    if (parsed := keys.parse(credential)) is None:
        raise unauthorized("the credential is not valid")
    key = known.keys.get(parsed[0])
    if not keys.proven(key, parsed[1]) or key is None:
        raise unauthorized("the credential is not valid")
    return key


def _usable(known: Known, key: Key) -> Principal:
    # Told to nobody but the holder of the secret.
    if key.revoked_at is not None:
        raise unauthorized(f"key {key.id} was revoked")
    if key.expires_at <= datetime.now(UTC):
        raise unauthorized(f"key {key.id} expired at {key.expires_at:%Y-%m-%dT%H:%M:%SZ}")
    entitlement = known.entitlements.get(key.tenant)
    if entitlement is None:
        raise unauthorized("its tenant is no longer one")
    return Principal(
        tenant=key.tenant,
        key=key.id,
        scopes=key.scopes,
        entitlement=entitlement,
        requests_per_minute=key.requests_per_minute,
    )


def entitled(principal: Principal, product: Product) -> None:
    """Refused, 403, where its tenant has not bought it."""
    if product not in principal.entitlement.products:
        raise Refused(
            403,
            f"tenant {principal.tenant} has no product {product}",
            field="product",
            value=product,
            remedy=f"it has {', '.join(principal.entitlement.products) or 'none'}:"
            f" ask those who run the platform for {product}",
            reason="product",
        )


def _scoped(principal: Principal, scope: Scope) -> None:
    if scope not in principal.scopes:
        if principal.step_up:
            raise second_factor()
        raise Refused(
            403,
            f"the credential has no scope {scope}",
            field="scope",
            value=scope,
            remedy=f"use one with scope {scope}; this has {', '.join(sorted(principal.scopes))}",
            reason="scope",
        )


def rows_since(store: Store, tenant: str, since: datetime) -> int:
    """Rows that a tenant has got since an instant, by the record."""
    return int(store.rows(_ROWS_SINCE, {"tenant": tenant, "since": since})[0]["rows"])


def made(settings: DataApiSettings, store: Store) -> Guard:
    """The guard of a running server."""

    tokens = sign_in = None
    if settings.oidc is not None:
        issuer = Issuer(settings.oidc)
        tokens = Tokens(settings.oidc, issuer)
        if settings.oidc.client_id is not None:
            sign_in = SignIn(settings.oidc, issuer, tokens)
    return Guard(
        Register(
            store,
            seconds=settings.access_seconds,
            most_seconds=settings.access_most_seconds,
            wait_seconds=settings.store_wait_seconds,
        ),
        tokens,
        Limits(redis_client.of(settings), partial(rows_since, store)),
        Usage(settings, seconds=settings.usage_seconds),
        people.of(settings),
        sign_in,
    )

"""The schema: a field a route of /v1, answered by the route's own function; of an instrument its prices and
predictions, asked for all instruments of a page at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar, cast

from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from pydantic import BaseModel, ValidationError

from workloads.data_api import catalogue, indicators, latest, paging, predictions, prices, reference, skill
from workloads.data_api.catalogue import Catalogues, Instrument
from workloads.data_api.graphql_api.limits import ASKS
from workloads.data_api.graphql_api.types import Types, arguments
from workloads.data_api.problems import refusal
from workloads.data_api.questions import PeriodsQuery, Query
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store, StoreAway, StoreBusy, StoreSlow

_BATCH: Final = "_batch"
"""Of an instrument: those of its page. No GraphQL field is called so."""

_GIVEN: Final = frozenset({*paging.NAMED, "cursor"})
"""Parameters that an instrument's own parts do not take."""

STORE_FAULTS: Final = (StoreAway, StoreBusy, StoreSlow)
"""What ends a whole request: no field is answered while another's rows cannot be had."""

Q = TypeVar("Q", bound=Query)

Page = dict[str, Any]
"""A page of rows as JSON has it."""


class Request:
    """What is known of one request while it is answered.

    Args:
        seconds: how long it may take before it asks for the last time.
    """

    def __init__(self, seconds: float) -> None:
        self.rows = 0
        self._ends = time.monotonic() + seconds
        self._fault: Exception | None = None

    def asked(self, answer: Callable[[], Any]) -> Any:
        """The answer of the database. As `Store.rows` raises, at once where it did so before."""
        if self._fault is None and time.monotonic() > self._ends:
            self._fault = StoreSlow("all fields together took too long")
        if self._fault is not None:
            raise self._fault
        try:
            return answer()
        except STORE_FAULTS as fault:
            self._fault = fault
            raise

    def given(self, page: Page) -> Page:
        """The page, its rows counted."""
        self.rows += len(page["items"])
        return page


class _Batch:
    """Instruments of a page: what is asked of one is asked of all, once."""

    def __init__(self, instruments: Sequence[Mapping[str, Any]]) -> None:
        self._named = list(dict.fromkeys(map(_named, instruments)))
        self._held: dict[str, dict[tuple[str, ...], Callable[[], BaseModel]]] = {}

    def page(
        self, part: _Part, instrument: Mapping[str, Any], given: Mapping[str, Any], request: Request
    ) -> Page:
        """A page of an instrument's. Refused as its question is, raises as the answer to it."""
        own = _question(part.question, {**_changed(_named(instrument)), **given})
        # The question but for whose: two fields that differ in it are two statements.
        asked = f"{part.question.__name__} {own.model_dump_json(exclude=set(paging.NAMED))}"
        if asked not in self._held:
            queries = [own.model_copy(update=_changed(one)) for one in self._named]
            pages = request.asked(partial(part.pages, queries))
            self._held[asked] = dict(zip(self._named, pages, strict=True))
        return self._held[asked][_named(instrument)]().model_dump(mode="json")


class _Part:
    """Something that an instrument has pages of."""

    def __init__(
        self,
        question: type[PeriodsQuery],
        page: type[BaseModel],
        pages: Callable[[Any], Sequence[Callable[[], BaseModel]]],
    ) -> None:
        self.question, self.answer, self.pages = question, page, pages


def _named(instrument: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(instrument[name] for name in paging.NAMED)


def _changed(named: tuple[str, ...]) -> dict[str, Any]:
    return dict(zip(paging.NAMED, named, strict=True))


def made(store: Store, listed: Catalogues, settings: DataApiSettings) -> GraphQLSchema:
    """The schema, answered from these."""
    parts = {
        "prices": _Part(prices.PricesQuery, prices.PricePage, partial(prices.pages, store)),
        "predictions": _Part(
            predictions.PredictionsQuery, predictions.PredictionPage, partial(predictions.pages, store)
        ),
    }
    kinds = Types({Instrument: lambda: {name: _nested(kinds, name, one) for name, one in parts.items()}})

    def field(
        question: type[Query], page: type[BaseModel], answer: Callable[[Any], BaseModel]
    ) -> GraphQLField:
        def resolve(_: object, info: GraphQLResolveInfo, **given: Any) -> Page:
            query = _question(question, given)
            request: Request = info.context
            found = request.asked(lambda: answer(query)).model_dump(mode="json")
            if page is catalogue.InstrumentPage:
                batch = _Batch(found["items"])
                found["items"] = [{**one, _BATCH: batch} for one in found["items"]]
            return request.given(found)

        return GraphQLField(
            kinds.of(page),
            args=arguments(question),
            resolve=resolve,
            description=page.__doc__,
            extensions={ASKS: True},
        )

    queries = {
        "instruments": field(
            catalogue.InstrumentsQuery, catalogue.InstrumentPage, partial(catalogue.page, listed)
        ),
        "latest": field(latest.LatestQuery, latest.LatestPage, partial(latest.page, store, listed, settings)),
        "prices": field(prices.PricesQuery, prices.PricePage, partial(prices.page, store)),
        "indicators": field(
            indicators.IndicatorsQuery, indicators.IndicatorPage, partial(indicators.page, store)
        ),
        "predictions": field(
            predictions.PredictionsQuery, predictions.PredictionPage, partial(predictions.page, store)
        ),
        "skill": field(skill.SkillQuery, skill.SkillPage, partial(skill.page, store)),
        "markets": field(
            reference.MarketsQuery, reference.MarketPage, lambda _: reference.market_page(settings)
        ),
        "units": field(reference.UnitsQuery, reference.UnitPage, lambda _: reference.unit_page()),
    }
    root = GraphQLObjectType("Query", queries, description="A field a route of /v1.")
    return GraphQLSchema(cast("GraphQLObjectType", root))


def _nested(kinds: Types, name: str, part: _Part) -> GraphQLField:
    def resolve(instrument: Mapping[str, Any], info: GraphQLResolveInfo, **given: Any) -> Page:
        request: Request = info.context
        return request.given(instrument[_BATCH].page(part, instrument, given, request))

    return GraphQLField(
        kinds.of(part.answer),
        args=arguments(part.question, without=_GIVEN),
        resolve=resolve,
        description=f"The first page of {name} of its symbol, source and resolution; `next` goes on at"
        f" `{name}` with the same three, and everything else as here.",
        extensions={ASKS: True},
    )


def _question(kind: type[Q], given: Mapping[str, Any]) -> Q:
    """The question that arguments ask, null being as not given. Refused where they ask none."""
    try:
        return kind.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise refusal(error) from error

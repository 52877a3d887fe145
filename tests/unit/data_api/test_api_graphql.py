"""/graphql: the answers of /v1, within its limits, refused as there; nothing is asked for what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from graphql import GraphQLSchema, get_introspection_query, get_operation_ast, parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from tests.graphql import schema, whole
from tests.unit.data_api.conftest import KEY, SETTINGS, START, MemoryStore, StaticRegister, price
from workloads.data_api.app import create_app
from workloads.data_api.graphql_api import document
from workloads.data_api.graphql_api.limits import measured
from workloads.data_api.guard import Guard
from workloads.data_api.identity import Principal
from workloads.data_api.limits import Limits
from workloads.data_api.store import Row, Store, StoreAway, StoreBusy, StoreSlow

PRICES = '{prices(symbol: "DE-LU") {items {price}}}'


@pytest.fixture
def api(app: OpenAPI) -> FlaskClient:
    return app.test_client()


def ask(api: FlaskClient, query: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.post("/graphql", json={"query": query, **body})
    assert answer.status_code == status, answer.text
    return answer.get_json()


def instrument(number: int) -> Row:
    """A row of /v1/instruments."""
    row = price(0) | {"symbol": f"S-{number}"}
    key = ("symbol", "source", "market", "product", "resolution", "currency", "unit", "provenance")
    return {name: row[name] for name in key} | {
        "first_delivery": START,
        "last_delivery": START,
        "last_published": START,
    }


class Listing(MemoryStore):
    """Gives instruments to who names none, and a price of each to who asks for several at once."""

    def __init__(self, instruments: int) -> None:
        super().__init__()
        self._instruments = [instrument(number) for number in range(instruments)]

    def rows(self, _query: object, values: Mapping[str, Any]) -> list[Row]:
        self.asked.append(values)
        if self.error is not None:
            raise self.error
        if "symbol" not in values:
            return self._instruments
        return [
            price(0, place) | {"symbol": symbol, "place": place}
            for place, symbol in enumerate(values["symbol"], 1)
        ]


def listing(count: int, register: StaticRegister) -> tuple[Listing, FlaskClient]:
    store = Listing(count)
    client = create_app(SETTINGS, cast("Store", store), Guard(register)).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    return store, client


def test_it_is_what_the_route_answers(app: OpenAPI, api: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(hour, hour / 3) for hour in range(3)]
    as_of = "2026-03-05T00:00:00Z"
    routed = api.get(f"/v1/prices?symbol=DE-LU&limit=2&unit=kWh&as_of={as_of}").get_json()
    asked = 'symbol: "DE-LU", limit: $n, unit: "kWh", as_of: $at'
    query = f"query ($at: DateTime, $n: Int) {{prices({asked}) {whole(schema(app), 'prices')}}}"
    found = ask(api, query, variables={"at": as_of, "n": 2})
    assert found == {"data": {"prices": routed}}
    # And its cursor goes on there: it is one question.
    again = f"/v1/prices?symbol=DE-LU&limit=2&unit=kWh&as_of={as_of}&cursor={found['data']['prices']['next']}"
    assert api.get(again).status_code == 200


@pytest.mark.parametrize("count", [1, 50])
def test_an_instruments_prices_are_asked_for_all_at_once(register: StaticRegister, count: int) -> None:
    store, api = listing(count, register)
    found = ask(api, "{instruments(limit: 90) {items {symbol prices(limit: 50) {items {symbol price}}}}}")
    items = found["data"]["instruments"]["items"]
    assert len(items) == count
    for place, item in enumerate(items, 1):
        assert item["prices"]["items"] == [{"symbol": item["symbol"], "price": place}]
    assert len(store.asked) == 2


def test_two_questions_of_instruments_are_two_statements(register: StaticRegister) -> None:
    store, api = listing(9, register)
    parts = "a: prices(limit: 1) {items {price}} b: prices(limit: 1) {next} c: prices(limit: 2) {next}"
    ask(api, f"{{instruments(limit: 9) {{items {{{parts}}}}}}}")
    assert len(store.asked) == 3


def test_what_one_instrument_cannot_say_the_others_do(register: StaticRegister) -> None:
    """Power has no price per kilogram: that is of each price, not of the request."""
    _, api = listing(2, register)
    found = ask(api, '{instruments(limit: 2) {items {symbol prices(limit: 1, unit: "kg") {next}}}}')
    assert [one["prices"] for one in found["data"]["instruments"]["items"]] == [None, None]
    assert [one["path"] for one in found["errors"]] == [["instruments", "items", n, "prices"] for n in (0, 1)]
    assert found["errors"][0]["extensions"]["field"] == "unit"


def _nested(rows: int) -> str:
    return f"{{instruments(limit: {rows}) {{items {{prices(limit: {rows}) {{next}}}}}}}}"


FRAGMENT = "fragment Deep on Query {instruments(limit: 80) {items {...Inner}}}"
INNER = "fragment Inner on Instrument {prices(limit: 80) {next}}"


@pytest.mark.parametrize(
    ("field", "query", "variables"),
    [
        ("rows", '{prices(symbol: "A", limit: 5001) {next}}', {}),
        ("rows", _nested(80), {}),
        ("rows", "{instruments {items {prices {next}}}}", {}),
        ("rows", "query ($n: Int) {instruments(limit: $n) {items {prices(limit: $n) {next}}}}", {"n": 80}),
        ("rows", "query ($n: Int = 80) {instruments(limit: $n) {items {prices(limit: $n) {next}}}}", {}),
        ("rows", "{instruments(limit: 6) {items {prices(limit: null) {next}}}}", {}),
        ("rows", "query ($n: Int) {instruments(limit: 6) {items {prices(limit: $n) {next}}}}", {"n": None}),
        ("rows", "{instruments(limit: 6) {items {... on Instrument {prices {next}}}}}", {}),
        ("rows", f"{{...Deep}} {FRAGMENT} {INNER}", {}),
        ("rows", "{" + " ".join(f'a{n}: prices(symbol: "A") {{next}}' for n in range(6)) + "}", {}),
        ("rows", '{a: prices(symbol: "A", limit: -9000) {next} prices(symbol: "A", limit: 5000) {next}}', {}),
        ("aliases", "{" + " ".join(f"a{n}: units {{next}}" for n in range(21)) + "}", {}),
        ("query", "{units {items {" + "unit " * 600 + "}}}", {}),
        ("query", "{" + "a {" * 300 + "b" + "}" * 301, {}),
        ("query", "{__schema {types {fields {type {fields {type {fields {name}}}}}}}}", {}),
        ("query", "{...A} fragment A on Query {...B} fragment B on Query {...A}", {}),
    ],
)
def test_what_is_too_much_is_refused_before_anything_is_asked(
    api: FlaskClient, store: MemoryStore, field: str, query: str, variables: dict[str, Any]
) -> None:
    found = ask(api, query, 400, variables=variables)
    assert "data" not in found
    told = found["errors"][0]["extensions"]
    assert told["field"] == field
    assert told["remedy"]
    assert len(told["request_id"]) == 32
    assert store.asked == []


def test_each_limit_is_a_setting(register: StaticRegister, store: MemoryStore) -> None:
    def client(**changed: int) -> FlaskClient:
        app = create_app(SETTINGS.model_copy(update=changed), cast("Store", store), Guard(register))
        made = app.test_client()
        made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
        return made

    query = '{a: prices(symbol: "A", limit: 10) {items {price}}}'
    exact = {"graphql_depth": 3, "graphql_rows": 10, "graphql_aliases": 1, "graphql_tokens": 19}
    ask(client(**exact), query)
    for name, value in exact.items():
        ask(client(**{**exact, name: value - 1}), query, 400)


def test_just_as_much_as_allowed_is_answered(api: FlaskClient, store: MemoryStore) -> None:
    ask(api, '{prices(symbol: "A", limit: 4900) {next} units {next}}')
    assert len(store.asked) == 1


def test_the_schema_is_told_to_who_may_read(api: FlaskClient) -> None:
    found = ask(api, get_introspection_query())
    names = {one["name"] for one in found["data"]["__schema"]["types"]}
    assert {"Query", "Price", "Outcome", "Forecast"} <= names
    assert found["data"]["__schema"]["mutationType"] is None
    ask(api, 'mutation {prices(symbol: "A") {next}}', 400)
    ask(api, "subscription {units {next}}", 400)


def test_a_wrong_parameter_says_what_to_do_and_the_rest_is_answered(
    api: FlaskClient, store: MemoryStore
) -> None:
    store.found = [price(0)]
    found = ask(
        api,
        'query {wrong: prices(symbol: "a b", limit: 0, as_of: "yesterday") {next} ' + PRICES[1:],
    )
    assert found["data"] == {"wrong": None, "prices": {"items": [{"price": 1.5}]}}
    told = {one["extensions"]["field"]: one for one in found["errors"]}
    assert set(told) == {"symbol", "limit", "as_of"}
    assert told["as_of"]["path"] == ["wrong"]
    assert told["as_of"]["extensions"]["value"] == "yesterday"
    assert "2026-03-29T00:00:00Z" in told["as_of"]["extensions"]["remedy"]
    assert told["as_of"]["extensions"]["request_id"]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("", "Syntax Error"),
        ("{", "Syntax Error"),
        ("{prices {next}}", "required"),
        ('{prices(symbol: "A", format: "csv") {next}}', "Unknown argument"),
        ("{price}", "Cannot query field"),
        ("query ($s: String!) {prices(symbol: $s) {next}}", "was not provided"),
        ('{prices(symbol: "A", limit: 3000000000) {next}}', "32-bit"),
        ('{prices(symbol: "A", start: 1) {next}}', "DateTime"),
    ],
)
def test_what_is_no_question_is_refused_whole(
    api: FlaskClient, store: MemoryStore, query: str, word: str
) -> None:
    found = ask(api, query, 400)
    assert word in found["errors"][0]["message"]
    assert "data" not in found
    assert store.asked == []


@pytest.mark.parametrize("error", [StoreAway("host=10.0.0.1"), StoreBusy("x"), StoreSlow("x")])
def test_a_database_that_is_away_is_a_503_asked_once(
    api: FlaskClient, store: MemoryStore, error: Exception
) -> None:
    store.error = error
    answer = api.post(
        "/graphql", json={"query": '{a: prices(symbol: "A") {next} b: prices(symbol: "B") {next}}'}
    )
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "10.0.0.1" not in answer.text
    assert len(store.asked) == 1


def test_all_fields_together_have_the_time_of_one_question(
    register: StaticRegister, store: MemoryStore
) -> None:
    app = create_app(
        SETTINGS.model_copy(update={"store_timeout_seconds": -1.0}), cast("Store", store), Guard(register)
    )
    answer = app.test_client().post(
        "/graphql", json={"query": PRICES}, headers={"Authorization": f"Bearer {KEY}"}
    )
    assert answer.status_code == 503
    assert store.asked == []


def test_a_fault_of_ours_tells_nothing(api: FlaskClient, store: MemoryStore) -> None:
    store.found = [{"secret_column": "host=10.0.0.1"}]
    answer = api.post("/graphql", json={"query": PRICES})
    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.get_json()["request_id"]


@pytest.mark.parametrize(
    "asked",
    [
        {"data": "query={units{next}}", "content_type": "application/x-www-form-urlencoded"},
        {"data": json.dumps({"query": "{units{next}}"}), "content_type": "text/plain"},
        {"data": "{units{next}}", "content_type": "application/graphql"},
        {"json": [{"query": "{units{next}}"}]},
        {"json": {"query": 1}},
        {"json": {"query": "{units{next}}", "mutate": True}},
        {"json": {"query": "{units{next}}", "variables": []}},
        {"json": {"query": "query A {units{next}} query B {units{next}}"}},
        {"json": {"query": "query A {units{next}}", "operationName": "B"}},
    ],
)
def test_only_a_json_object_is_taken(api: FlaskClient, asked: dict[str, Any]) -> None:
    answer = api.post("/graphql", **asked)
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["remedy"]


def test_no_query_in_an_address(api: FlaskClient) -> None:
    assert api.get("/graphql?query={units{next}}").status_code == 405
    assert api.get("/graphql", headers={"Accept": "*/*"}).status_code == 405
    asked = {"Accept": "text/html,*/*;q=0.8"}
    assert api.get("/graphql", headers=asked).headers["Location"] == "/hub/graphql"
    assert api.get("/graphql?query={units{next}}", headers=asked).status_code == 405


def test_text_that_cannot_be_encoded_is_refused(api: FlaskClient) -> None:
    body = r'{"query": "query ($s: String!) {prices(symbol: $s) {next}}", "variables": {"s": "\ud800"}}'
    answer = api.post("/graphql", data=body, content_type="application/json")
    assert answer.status_code == 200
    assert answer.get_json()["errors"][0]["extensions"]["field"] == "symbol"
    body = r'{"query": "{\ud800}", "variables": {"\ud800": "\ud800"}, "operationName": "\ud800"}'
    assert api.post("/graphql", data=body, content_type="application/json").status_code == 400


def test_the_form_is_one_that_the_client_takes(api: FlaskClient) -> None:
    for accept, kind in (
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/graphql-response+json, application/json;q=0.9", "application/graphql-response+json"),
    ):
        answer = api.post("/graphql", json={"query": PRICES}, headers={"Accept": accept})
        assert answer.mimetype == kind
        assert answer.headers["Cache-Control"] == "private, no-store"
    refused = api.post("/graphql", json={"query": PRICES}, headers={"Accept": "text/html"})
    assert refused.status_code == 406


def test_rows_are_counted_as_those_of_the_routes(store: MemoryStore, register: StaticRegister) -> None:
    counted: list[int] = []

    class Counting:
        def take(self, _: Principal) -> None: ...

        def add(self, _: Principal, rows: int) -> None:
            counted.append(rows)

    listed, _ = listing(3, register)
    app = create_app(SETTINGS, cast("Store", listed), Guard(register, limits=cast("Limits", Counting())))
    nested = "{instruments(limit: 3) {items {prices(limit: 5) {items {price}}}}}"
    known = {"Authorization": f"Bearer {KEY}"}
    for query in (nested, '{prices(symbol: "a b") {next}}', "{"):
        app.test_client().post("/graphql", json={"query": query}, headers=known)
    # Three instruments and a price of each; nothing for what is refused.
    assert counted == [6, 0]


def test_a_session_of_the_hub_opens_it_to_who_bought_the_api(app: OpenAPI, register: StaticRegister) -> None:
    whole_ = register.entitlements["pilot-one"]
    for products, status in ((("hub", "api"), 200), (("hub",), 403)):
        register.entitlements = {"pilot-one": whole_.model_copy(update={"products": products})}
        person = FlaskClient(app, app.response_class)
        here = {"Sec-Fetch-Site": "same-origin"}
        person.post("/hub/login", data={"key": KEY}, headers=here)
        asked = {"json": {"query": "{units {next}}"}}
        assert person.post("/graphql", headers=here, **asked).status_code == status
        assert person.post("/graphql", headers={"Sec-Fetch-Site": "cross-site"}, **asked).status_code == 401


@pytest.fixture(scope="module")
def made() -> GraphQLSchema:
    return schema(create_app(SETTINGS, cast("Store", MemoryStore())))


INSTANTS = st.just(nodes.String("2026-01-01T00:00:00Z"))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_document_has_one_size_however_it_is_written(made: GraphQLSchema, data: st.DataObject) -> None:
    text = data.draw(queries(made, custom_scalars={"DateTime": INSTANTS}))
    parsed = parse(text)
    assert not validate(made, parsed)
    operation = get_operation_ast(parsed, None)
    assert operation is not None
    size = measured(made, parsed, operation, {})
    assert size.depth >= 1
    spread = parse(f"{{...Whole}} fragment Whole on Query {text}")
    assert not validate(made, spread)
    again = get_operation_ast(spread, None)
    assert again is not None
    assert measured(made, spread, again, {}) == size


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert document.FILE.read_text() == document.current(), "run make schema"


@pytest.mark.parametrize(
    ("was", "now", "refused"),
    [
        ("  skill(", "  record(", True),
        ("  naive_error: Float!", "  naive_errors: Float!", True),
        ("  price: Float!", "  price: Float", True),
        ("    zone: String!", "    zone: Int!", True),
        ("    kind: String\n", "    kind: String!\n", True),
        ('    revisions: String = "latest"', '    revisions: String = "all"', True),
        ("  skill: Float\n", "  skill: Float!\n", False),
        ("type Outcome {", "type Outcome {\n  again: Float", False),
    ],
)
def test_a_change_that_a_client_would_not_survive_is_refused(was: str, now: str, refused: bool) -> None:
    text = document.current()
    assert was in text
    assert bool(document.incompatible(text, text.replace(was, now))) == refused


def test_a_variable_that_takes_an_arguments_value_away_is_a_wrong_question(api: FlaskClient) -> None:
    query = 'query($s: String = "x"){prices(symbol:$s){next}}'
    (error,) = ask(api, query, 400, variables={"s": None})["errors"]
    assert "symbol" in error["message"]

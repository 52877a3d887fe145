"""What the client asks, takes, asks again and refuses, against an API of a few lines."""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
import traceback
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from carbon_client import (
    BadAnswer,
    BadInput,
    CarbonError,
    Client,
    NotAllowed,
    Patience,
    Refused,
    TooMany,
    Unavailable,
    models,
    scenarios,
)
from carbon_client.models import CurvesBody, Quote, Saved
from sdk_api import KEY, URL, Api, Broken, page, price, problem

CURVES = CurvesBody(quotes=[Quote(period="2027-01", price=82.0)])
MADE: dict[str, Any] = {"items": [], "quotes": [], "positions": [], "time_zone": "UTC"}


def test_rows_are_typed_and_their_times_aware() -> None:
    api = Api(page([-500.0], as_of="2026-03-02T00:00:00.5+00:00"))
    (row,) = api.client().prices("DE-LU")
    assert isinstance(row, models.Price)
    assert (row.price, row.replayed_from) == (-500.0, None)
    assert row.delivery_start == datetime(2026, 3, 1, tzinfo=UTC)
    (asked,) = api.asked
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert str(asked.url) == f"{URL}/v1/prices?symbol=DE-LU"


def test_what_is_said_of_an_alert_goes_to_that_alert_and_is_said_again_where_nobody_heard() -> None:
    told = {
        **dict.fromkeys(("id", "rule", "of_topic", "source", "series", "resolution", "expected"), "x"),
        **dict.fromkeys(
            ("period_start", "period_end", "published_at", "detected_at"), "2026-03-01T00:00:00Z"
        ),
        **dict.fromkeys(("market", "value", "reviewed_by", "reviewed_at", "reason")),
        "severity": "info",
        "provenance": "market",
        "state": "released",
        "rows": 1,
        "evidence": "y",
        "remedy": "z",
    }
    api = Api(problem(503), httpx.Response(200, json=told))
    said = models.ReviewBody(state="released", reason="a holiday")
    assert api.client().review_alert("a/b", said).state == "released"
    assert {(one.method, one.url.raw_path) for one in api.asked} == {
        ("PUT", b"/v1/quality/alerts/a%2Fb/review")
    }
    assert len(api.asked) == 2
    assert api.asked[0].content == b'{"state":"released","reason":"a holiday"}'
    for name in ("", "..", "\ud800", 7):
        with pytest.raises(BadInput, match="id: "):
            api.client().review_alert(name, said)  # type: ignore[arg-type]


def test_a_page_is_asked_for_when_the_one_before_it_is_used_up() -> None:
    api = Api(page([1, 2], "a"), page([], "b"), page([3]))
    rows = iter(api.client().prices("DE-LU", page_size=2, source="auction"))
    assert api.asked == []
    assert [next(rows).price, next(rows).price] == [1, 2]
    assert len(api.asked) == 1
    assert [row.price for row in rows] == [3]
    question = {"symbol": "DE-LU", "limit": "2", "source": "auction"}
    assert api.queries == [question, question | {"cursor": "a"}, question | {"cursor": "b"}]


def test_pages_go_on_from_a_cursor_that_was_kept() -> None:
    api = Api(page([1], "a"), page([2], "b"), page([3]))
    found = api.client().prices("DE-LU")
    first = next(found.pages())
    assert [one.items[0].price for one in found.pages(first.next)] == [2, 3]


def test_a_page_that_names_itself_ends() -> None:
    api = Api(page([1], "a"), page([2], "a"))
    with pytest.raises(BadAnswer, match="names itself"):
        api.client().prices("DE-LU").all()


def test_what_a_newer_api_says_besides_is_left_out() -> None:
    newer = page([1], unheard_of={"of": 1})
    told = price(1.0, colour="green")
    api = Api(newer, httpx.Response(200, json=newer.json() | {"items": [told]}))
    client = api.client()
    assert client.prices("DE-LU").all() == client.prices("DE-LU").all()


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{}", b'{"items": [{"price": "1"}]}', b"\xff"])
def test_an_answer_that_is_none_is_told_in_a_line(body: bytes) -> None:
    api = Api(httpx.Response(200, content=body, headers={"X-Request-Id": "r-7"}))
    with pytest.raises(BadAnswer) as caught:
        api.client().prices("DE-LU").all()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("/v1/prices: ")
    assert caught.value.request_id == "r-7"


def test_times_are_sent_with_their_zone_and_without_one_not_at_all() -> None:
    api = Api(page([]))
    client = api.client()
    client.prices(
        "DE-LU", start=datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=2))), end="2026-03-02T00:00:00Z"
    ).all()
    assert api.queries == [
        {"symbol": "DE-LU", "start": "2026-03-01T00:00:00+02:00", "end": "2026-03-02T00:00:00Z"}
    ]
    with pytest.raises(BadInput, match=r"as_of: .* has no time zone"):
        client.prices("DE-LU", as_of=datetime(2026, 3, 1))
    shape = models.History(symbol="DE-LU", as_of=datetime(2026, 3, 1))
    with pytest.raises(BadInput, match="shape"):
        client.curves(CurvesBody(quotes=[Quote(period="2027")], shape=shape))
    assert len(api.asked) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_asked_again_after_the_time_that_the_api_names(
    status: int, waits: list[float]
) -> None:
    api = Api(problem(status, Retry_After="7"), problem(status), page([1]))
    assert [row.price for row in api.client().prices("DE-LU")] == [1]
    assert waits[0] == 7.0
    assert 0.5 <= waits[1] <= 1.0
    assert len(waits) == 2


def test_a_connection_that_breaks_is_asked_again_and_given_up_in_the_end(waits: list[float]) -> None:
    api = Api(httpx.ConnectError("refused"), httpx.Response(200, stream=Broken(b'{"items": [')), page([1]))
    assert [row.price for row in api.client().prices("DE-LU")] == [1]
    assert len(waits) == 2
    gone = Api(*[httpx.ConnectError("Connection refused")] * 9)
    with pytest.raises(Unavailable, match="Connection refused") as caught:
        gone.client(patience=Patience(attempts=3)).prices("DE-LU").all()
    assert len(gone.asked) == 3
    assert "\n" not in str(caught.value)
    assert URL in str(caught.value)


def _untrusted() -> httpx.ConnectError:
    """As httpx says it of a certificate that nobody trusts."""
    error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    error.__cause__ = OSError()
    error.__cause__.__cause__ = ssl.SSLCertVerificationError()
    return error


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (_untrusted(), BadAnswer, "SSL_CERT_FILE"),
        (
            httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip")),
            BadAnswer,
            "cannot be unpacked",
        ),
        (httpx.LocalProtocolError("Illegal header value"), BadInput, "cannot be sent"),
    ],
)
def test_what_will_not_pass_is_not_asked_again(
    answer: httpx.Response | Exception, kind: type[CarbonError], said: str, waits: list[float]
) -> None:
    api = Api(answer, page([1]))
    with pytest.raises(kind, match=said):
        api.client().prices("DE-LU").all()
    assert (len(api.asked), waits) == (1, [])


def test_what_cannot_be_sent_is_bad_input() -> None:
    client = Api().client()
    for symbol in ("\ud800", "x" * 70_000):
        with pytest.raises(BadInput, match=r"^/v1/prices: "):
            client.prices(symbol).all()
    with pytest.raises(BadInput, match=r"^body: "):
        client.curves(CurvesBody(quotes=[Quote(period="\ud800", price=1.0)]))
    with pytest.raises(BadInput, match=r"^/v1/stream: "):
        next(client.stream(last_event_id="é"))


@pytest.mark.parametrize("name", ["absent/prices.csv", "file/prices.csv", "n" * 300, "a\0b", ""])
def test_a_file_that_cannot_be_written_is_bad_input(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"^path: "):
        Api().client().download(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_full_is_bad_input_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BadInput, match="No space left"):
        Api(httpx.Response(200, content=b"symbol\n")).client().download(tmp_path / "prices.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_limit_of_a_month_is_not_waited_for(waits: list[float]) -> None:
    fault = {"field": "rows_per_month", "value": "100000", "detail": "used up", "remedy": "wait"}
    api = Api(problem(429, fault, Retry_After="864000"))
    with pytest.raises(TooMany) as caught:
        api.client().prices("DE-LU").all()
    assert (caught.value.retry_after, waits, len(api.asked)) == (864000, [], 1)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Refused), (401, NotAllowed), (403, NotAllowed), (404, Refused), (422, Refused)]
)
def test_a_refusal_is_not_asked_again_and_says_what_field_value_and_remedy(
    status: int, kind: type[Refused], waits: list[float]
) -> None:
    faults = [
        {"field": name, "value": "no\nwhere", "detail": "there is none", "remedy": "give another"}
        for name in ("tz", "unit")
    ]
    with pytest.raises(kind) as caught:
        Api(problem(status, *faults)).client().prices("DE-LU").all()
    assert str(caught.value) == (
        f"{status}: tz: there is none (given: 'no\\nwhere'): give another"
        " (and 1 more: see .errors) [request r-1]"
    )
    assert [one.field for one in caught.value.errors] == ["tz", "unit"]
    assert (caught.value.status, waits) == (status, [])


def test_quotes_are_sent_as_they_are_and_asked_again_since_they_change_nothing(waits: list[float]) -> None:
    api = Api(httpx.ReadTimeout("slow"), httpx.Response(200, json=MADE))
    assert api.client().curves(CURVES) == models.CurvesPage(
        items=[], quotes=[], positions=[], time_zone="UTC"
    )
    assert [one.content for one in api.asked] == [b'{"quotes":[{"period":"2027-01","price":82.0}]}'] * 2
    assert len(waits) == 1


def test_steps_of_a_scenario_say_their_kind_and_what_is_no_number_is_not_sent() -> None:
    api = Api(httpx.Response(200, json=MADE))
    outage = models.Outage(megawatts=1400, per_gigawatt=2.5, of=models.Product(period="2027-W05"))
    scenario = models.Scenario(name="outage", steps=[outage, models.Reshape(factor=0)])
    api.client().curves(CurvesBody(quotes=CURVES.quotes, scenarios=[scenario]))
    assert b'"steps":[{"kind":"outage",' in api.asked[0].content
    assert b'{"kind":"shape","factor":0}' in api.asked[0].content
    with pytest.raises(BadInput, match="Expected `float"):
        api.client().curves(CurvesBody(quotes=[Quote(period="2027", price="82")]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://[::1]/",
        "http://localhost",
        "http://data-api.carbon.svc:8080",
        "https://x/y",
    ],
)
def test_an_address_with_tls_or_nearby_is_taken(url: str) -> None:
    assert url.rstrip("/") in repr(Client(url, key=KEY))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.org",
        "http://10.0.0.1",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "ftp://api.example.org",
        "api.example.org",
        "https://",
        "",
        "https://:99999",
    ],
)
def test_an_address_that_would_show_the_key_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match=r"^url: "):
        Client(url, key=KEY)


def test_an_address_without_tls_is_taken_when_it_is_said_so() -> None:
    assert "http://api.example.org" in repr(Client("http://api.example.org", key=KEY, insecure=True))


@pytest.mark.parametrize("url", [f"https://me:{KEY}@api.example.org", f"https://api.example.org?key={KEY}"])
def test_a_credential_in_the_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        Client(url, key=KEY)
    assert KEY not in str(caught.value)


def test_the_key_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api = Api(httpx.ConnectError("refused"), page([1]), problem(401))
    client = api.client()
    client.prices("DE-LU").all()
    with pytest.raises(NotAllowed) as caught:
        client.prices("DE-LU").all()
    shown = [caplog.text, repr(client), str(vars(client)), "".join(traceback.format_exception(caught.value))]
    shown += [str(one.url) for one in api.asked]
    assert all(KEY not in text for text in shown)


@pytest.mark.parametrize("key", ["", "two words", "ck_1\nX-Admin: 1", "schlüssel"])
def test_a_key_that_is_none_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(BadInput) as caught:
        Client(URL, key=key)
    assert not key or key not in str(caught.value)


def test_address_and_key_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CARBON_URL", "CARBON_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInput, match="CARBON_URL"):
        Client()
    monkeypatch.setenv("CARBON_URL", URL)
    with pytest.raises(BadInput, match="CARBON_KEY_FILE"):
        Client()
    file = tmp_path / "key"
    monkeypatch.setenv("CARBON_KEY_FILE", str(file))
    with pytest.raises(BadInput, match="No such file"):
        Client()
    file.write_text(f"Authorization: Bearer {KEY}\n")
    assert repr(Client()) == f"Client('{URL}')"


def test_a_key_that_is_rotated_is_taken_at_once(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("old\n")
    api = Api(page([]), page([]))
    client = api.client(key=None, key_file=file)
    client.prices("DE-LU").all()
    file.write_text("new")
    client.prices("DE-LU").all()
    assert [one.headers["Authorization"] for one in api.asked] == ["Bearer old", "Bearer new"]


def test_a_redirect_is_not_followed_with_the_key() -> None:
    api = Api(httpx.Response(302, headers={"Location": "https://elsewhere.example.org/"}))
    with pytest.raises(BadAnswer, match="302"):
        api.client().prices("DE-LU").all()
    assert len(api.asked) == 1


def test_a_download_is_there_whole_or_not_at_all(tmp_path: Path, waits: list[float]) -> None:
    target = tmp_path / "prices.csv"
    target.write_text("before")
    cut = [httpx.Response(200, stream=Broken(b"symbol\r\nWT")) for _ in range(2)]
    with pytest.raises(Unavailable):
        Api(*cut).client(patience=Patience(attempts=2)).download(target)
    assert [file.name for file in tmp_path.iterdir()] == ["prices.csv"]
    assert target.read_text() == "before"
    again = httpx.Response(200, stream=Broken(b"symbol\r\n"))
    api = Api(problem(503, Retry_After="2"), again, httpx.Response(200, content=b"symbol\r\nWTI\r\n"))
    assert api.client().download(target, symbol="WTI") == target
    assert target.read_bytes() == b"symbol\r\nWTI\r\n"
    assert [file.name for file in tmp_path.iterdir()] == ["prices.csv"]
    assert api.queries[-1] == {"symbol": "WTI"}
    with pytest.raises(BadInput, match="is a folder"):
        Api().client().download(tmp_path)


def test_patience_of_no_attempt_is_none() -> None:
    with pytest.raises(BadInput):
        Patience(attempts=0)


def test_the_asynchronous_client_does_the_same(tmp_path: Path, waits: list[float]) -> None:
    api = Api(
        page([1, 2], "a"),
        problem(503, Retry_After="3"),
        page([3]),
        httpx.Response(200, json=MADE),
        httpx.Response(200, content=b"x"),
        problem(403),
    )

    async def ask() -> None:
        async with api.async_client() as client:
            assert [row.price async for row in client.prices("DE-LU")] == [1, 2, 3]
            assert (await client.curves(CURVES)).items == []
            assert (await client.download(tmp_path / "x")).read_bytes() == b"x"
            with pytest.raises(CarbonError):
                await client.markets().all()
            assert repr(client) == f"AsyncClient('{URL}')"

    asyncio.run(ask())
    assert waits == [3.0]


def test_a_scenario_that_a_newer_release_saved_is_not_cut_down() -> None:
    at = datetime(2027, 1, 1, tzinfo=UTC)
    curves = {"quotes": [{"period": "2027-01", "price": 82}], "weather": "cold"}
    with pytest.raises(BadAnswer, match="scenario 'w': it has weather: this release does not know it"):
        scenarios.body(Saved(name="w", saved_at=at, saved_by="k", curves=curves))

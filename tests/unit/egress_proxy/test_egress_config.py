"""Who may reach what, as squid is told: no name that is none gets into its configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from workloads.egress_proxy.config import PRIVATE, Place, squid_conf
from workloads.egress_proxy.credentials import answer
from workloads.egress_proxy.record import parse
from workloads.kit.contracts.egress import Egress, host_of

PLACE = Place(hosts=Path("/tmp/hosts"), authenticate=("/bin/true",), log_port=9, scratch=Path("/tmp"))

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
hosts = st.builds(lambda parts: ".".join([*parts, "example"]), st.lists(labels, min_size=1, max_size=4))
egresses = st.builds(
    Egress,
    clients=st.dictionaries(labels, st.lists(hosts, max_size=4).map(tuple), max_size=4),
    resolve=st.dictionaries(hosts, st.just("192.0.2.1"), max_size=2),
)


def access(egress: Egress) -> list[str]:
    return [
        line for line in squid_conf(egress, PLACE).splitlines() if line.startswith(("acl ", "http_access "))
    ]


@settings(max_examples=60, deadline=None)
@given(egresses)
def test_each_client_is_allowed_its_own_hosts_and_nothing_else(egress: Egress) -> None:
    lines = access(egress)
    acls = {m[1]: m[2].split() for line in lines if (m := re.fullmatch(r"acl (\w+) \w+ (?:-n )?(.*)", line))}
    allowed = [line.split()[2:] for line in lines if line.startswith("http_access allow ")]
    given_ = {(client, host) for client, names in egress.clients.items() for host in names}
    assert {(c, h) for who, where in allowed for c in acls[who] for h in acls[where]} == given_
    assert lines[-1] == "http_access deny all"


@settings(max_examples=60, deadline=None)
@given(egresses)
def test_what_holds_for_all_stands_before_what_is_allowed(egress: Egress) -> None:
    rules = [line for line in access(egress) if line.startswith("http_access ")]
    assert rules[:3] == ["http_access deny !connect", "http_access deny !https", "http_access deny !known"]
    for rule in rules:
        if rule.startswith("http_access allow "):
            pair = rule.removeprefix("http_access allow ")
            (denied,) = [r for r in rules if r.startswith(f"http_access deny {pair} private")]
            assert rules.index(denied) < rules.index(rule)
            assert denied.endswith(" !resolved") == bool(egress.resolve)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_a_name_that_is_none_is_refused(text: str) -> None:
    """Whatever is taken is written into a line of its own, between blanks."""
    try:
        taken = Egress(clients={"reader": (text,)})
    except ValidationError:
        return
    assert re.fullmatch(r"[a-z0-9.-]+", text)
    assert f"acl hosts0 dstdomain -n {text}" in access(taken)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "example", "*.example.com", ".example.com", "example.com.", "EXAMPLE.com", "a..example"),
        *(
            "example.com\nhttp_access allow all",
            "example.com all",
            "exa mple.com",
            "exämple.com",
            "a_b.example",
        ),
        *(
            "127.0.0.1",
            "10.1",
            "[::1]",
            "-a.example",
            "a-.example",
            "a.example\n",
            "a" * 64 + ".example",
            "#.example",
        ),
    ],
)
def test_what_is_no_dns_name_in_full_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Egress(clients={"reader": (name,)})
    with pytest.raises(ValidationError):
        Egress(clients={}, resolve={name: "192.0.2.1"})


@pytest.mark.parametrize("client", ["", "a b", "a\nb", "a/b", "../a", "A", "-a", "a" * 64])
def test_a_client_that_is_none_is_refused(client: str) -> None:
    with pytest.raises(ValidationError):
        Egress(clients={client: ()})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://api.example.com/v1", "is not https"),
        ("https://api.example.com:8443/", "port 8443"),
        ("https://10.0.0.1/", "no DNS name"),
        ("https://[::1]/", "no DNS name"),
        ("https://localhost/", "no DNS name"),
        ("https://user:hunter2@api.example.com/", "no user and no password"),
        ("https://", "no DNS name"),
    ],
)
def test_an_address_that_the_proxy_cannot_reach_is_refused_and_says_why(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        host_of(url)
    assert "hunter2" not in str(error.value)


def test_the_host_of_an_address() -> None:
    assert host_of("https://API.Example.com:443/v1?a=b") == "api.example.com"
    assert host_of("https://api.xn--p1ai/") == "api.xn--p1ai"


def test_private_networks_are_none_of_ipv4_as_a_whole() -> None:
    """squid keeps IPv4 as mapped IPv6: that network would be everything."""
    assert not [network for network in PRIVATE if network.startswith("::ffff") or network.endswith("/0")]


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "reader").write_text("s3cret pass%word\n")
    (tmp_path / "inside" / "empty").write_text("")
    (tmp_path / "outside").write_text("outside")
    return tmp_path / "inside"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("reader s3cret%20pass%25word\n", "OK"),
        ("reader s3cret\n", "ERR"),
        ("reader \n", "ERR"),
        ("reader\n", "ERR"),
        ("empty \n", "ERR"),
        ("nobody x\n", "ERR"),
        ("../outside outside\n", "ERR"),
        ("..%2Foutside outside\n", "ERR"),
        (". x\n", "ERR"),
        ("\n", "ERR"),
        ("reader %ff%00\n", "ERR"),
    ],
)
def test_only_who_has_the_password_is_who_he_says(passwords: Path, line: str, said: str) -> None:
    assert answer(passwords, line) == said


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_line_is_answered(text: str) -> None:
    assert answer(Path("/nonexistent"), text) == "ERR"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "allowed"), (403, "refused"), (407, "unknown"), (503, "failed"), (400, "failed")],
)
def test_a_line_of_squid_is_an_access(status: int, outcome: str) -> None:
    found = parse(f"1795719159.172 reader CONNECT api.example.com:443 {status} TCP_X 179 4021 12\n")
    assert found is not None
    assert (found.client, found.host, found.port, found.outcome) == (
        "reader",
        "api.example.com",
        "443",
        outcome,
    )
    assert (found.sent, found.received, found.ms) == (179, 4021, 12)


def test_what_a_client_writes_stays_within_its_field() -> None:
    found = parse("1795719159.172 a%20b%0A CONNECT x%20200%0Ay:443 403 TCP_DENIED 1 2 3\n")
    assert found is not None
    assert (found.client, found.host, found.outcome) == ("a b\n", "x 200\ny", "refused")


def test_a_connection_that_asked_nothing_is_no_access() -> None:
    assert parse("1795719159.172 - - error:transaction-end-before-headers 000 NONE_NONE 0 0 0\n") is None


@pytest.mark.parametrize("line", ["", "x", "1 2 3", "a b c d e f g h i", "1.0 - GET x y TCP_X 1 2 3"])
def test_what_is_no_line_of_squid_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(line)

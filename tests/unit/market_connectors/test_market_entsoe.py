"""What of ENTSO-E's documents is taken for a price in the table's terms."""

from __future__ import annotations

import pytest

from workloads.kit.contracts.markets import MARKETS
from workloads.market_connectors.libraries.entsoe_py import OtherTerms, require_terms

SERIES = (
    "<TimeSeries><currency_Unit.name>{}</currency_Unit.name>\n"
    "<price_Measure_Unit.name> {} </price_Measure_Unit.name></TimeSeries>"
)


def document(*terms: tuple[str, str]) -> str:
    return "".join(SERIES.format(*one) for one in terms)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ([("PLN", "MWH")], "PL came in PLN, and the table of markets has EUR"),
        ([("EUR", "MWH"), ("PLN", "MWH")], "PL came in PLN"),
        ([("EUR", "KWH")], "PL came in KWH, and the table of markets has MWh"),
    ],
)
def test_another_currency_or_unit_is_refused_by_name(terms: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(OtherTerms, match=said):
        require_terms(document(*terms), MARKETS["PL"])


def test_the_tables_own_terms_and_documents_without_any_pass() -> None:
    require_terms(document(("EUR", "MWH"), ("EUR", "MWH")), MARKETS["PL"])
    require_terms("<GL_MarketDocument></GL_MarketDocument>", MARKETS["PL"])

"""What a tenant saved of questions to `curves`, as the question that it is."""

from __future__ import annotations

from typing import Final

import msgspec

from carbon_client.errors import BadAnswer
from carbon_client.models import CurvesBody, Saved

PATH: Final = "/v1/scenarios"
ONE: Final = f"{PATH}/{{name}}"


def body(saved: Saved) -> CurvesBody:
    """What `curves` and `save_scenario` take, to be asked or changed (`msgspec.structs.replace`).

    Raises:
        BadAnswer: a newer release saved what this one does not know.
    """
    known = CurvesBody.__struct_fields__
    try:
        made = msgspec.convert(saved.curves, CurvesBody)
    except msgspec.ValidationError as error:
        raise _unknown(saved, str(error)) from None
    if newer := sorted(saved.curves.keys() - set(known)):
        raise _unknown(saved, f"it has {', '.join(newer)}")
    return made


def _unknown(saved: Saved, what: str) -> BadAnswer:
    return BadAnswer(f"scenario {saved.name!r}: {what}: this release does not know it: is there a newer one?")

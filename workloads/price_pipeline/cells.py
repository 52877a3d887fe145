"""What one cell of a row says: a number, a time, yes or no."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from workloads.kit import periods
from workloads.kit.contracts.messages import PRICE_LIMIT
from workloads.price_pipeline.rows import Terms


class Unreadable(ValueError):
    """A value that is not what its field must hold."""


_AS_TYPED: Final = str.maketrans("\u00a0\u202f\u2009\u2019", "   '")
"""Spaces that do not break and the typographic apostrophe, between groups of digits: as they are typed."""


@lru_cache(maxsize=64)
def _number(decimal: str, thousands: str) -> re.Pattern[str]:
    point = re.escape(decimal)
    # Nobody groups 0.250: where a dot stands between groups it is a decimal point after all.
    whole = r"\d+" + (rf"|[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+" if thousands else "")
    return re.compile(rf"[+-]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def read_price(value: object, decimal: str = ".", thousands: str = "") -> float:
    """A finite number within `PRICE_LIMIT`; Unreadable for all else. Groups of digits have three each."""
    if isinstance(value, str):
        text = value.strip().translate(_AS_TYPED)
        if not _number(decimal, thousands).fullmatch(text):
            raise Unreadable(f"{shown(value)} is not a number{_hint(text, decimal, thousands)}")
        value = text.replace(thousands, "").replace(decimal, ".") if thousands else text.replace(decimal, ".")
    elif isinstance(value, bool) or not hasattr(value, "__float__"):
        raise Unreadable(f"{shown(value)} is not a number")
    try:
        price = float(value)  # type: ignore[arg-type]
    except (OverflowError, ValueError):
        raise Unreadable(f"{shown(value)} is not a number") from None
    if not math.isfinite(price):
        raise Unreadable(f"{shown(value)} is not finite")
    if abs(price) > PRICE_LIMIT:
        raise Unreadable(
            f"{shown(value)} is out of range: no price and no measurement is beyond {PRICE_LIMIT:g}"
        )
    return price


def _hint(text: str, decimal: str, thousands: str) -> str:
    """A setting under which the text would be one."""
    for point, between in ((",", "."), (".", ","), (".", "'"), (".", " ")):
        if (point, between) != (decimal, thousands) and _number(point, between).fullmatch(text):
            return f" with decimal: {decimal!r}; it is with decimal: {point!r}, thousands: {between!r}"
    return ""


_EPOCH_UNITS = {"epoch_seconds": 1, "epoch_milliseconds": 1000}
_SECONDS: Final = (946_684_800, 4_102_444_800)
"""From 2000 until 2100; as milliseconds they are five weeks of 1970."""
_EXCEL_EPOCH: Final = datetime.combine(date(1899, 12, 30), time(0))
"""Day 0 of the serials of a sheet from March 1900 on."""


def read_time(value: object, terms: Terms) -> datetime:
    """The time that a cell holds, with the zone that it names; naive where it names none. A date alone has
    the source's `time_of_day`."""
    told = _time(value, terms, terms.time_format, terms.time_of_day)
    if isinstance(value, str) and (ends := _PERIOD.search(value.strip())) is not None:
        _require_offset(told, ends, terms)
    return told


_PERIOD = re.compile(r"[Tt ](\d\d):(\d\d)-(\d\d):(\d\d)$", re.ASCII)
"""Where a period stands by its times, the second one can be read as an offset."""


def _require_offset(told: datetime, ends: re.Match[str], terms: Terms) -> None:
    """Unreadable where a time is followed by what is no offset of the source's zone then, and so much later
    as a period is long."""
    of_zone = told.astimezone(terms.zone).utcoffset()
    begins, minutes, then, more = map(int, ends.groups())
    length = timedelta(hours=then - begins, minutes=more - minutes) % timedelta(days=1)
    if terms.zone.key != "UTC" and told.utcoffset() != of_zone and length == terms.resolution.clock:
        raise Unreadable(
            f"{ends[0].strip()} is the period's start and end, or an offset that {terms.zone.key} has not:"
            " have the start given alone"
        )


def read_published(value: object, terms: Terms) -> datetime:
    """Likewise of when it was known: a date alone is its last moment, since nobody is sure to have known it
    earlier."""
    return _time(value, terms, terms.published_format, time.max)


def _time(value: object, terms: Terms, written: str | None, time_of_day: time) -> datetime:
    told = _tried(value, terms.decimal, written, time_of_day)
    if told is None and isinstance(value, str) and (named := _NAMED.fullmatch(value.strip())) is not None:
        local = _tried(named[1], terms.decimal, written, time_of_day)
        told = None if local is None else _by_name(local, named[2], terms, value)
    if told is None:
        raise Unreadable(f"{shown(value)} is not {written or 'an ISO 8601 date or time'}")
    return told


def _tried(value: object, decimal: str, written: str | None, time_of_day: time) -> datetime | None:
    try:
        return _told(value, decimal, written, time_of_day)
    except (ValueError, OverflowError, OSError):
        return None


_NAMED = re.compile(r"(.*\d) ?([A-Z]{3,5})", re.ASCII)
"""A time and what its clock is called, such as CEST."""


def _by_name(local: datetime, name: str, terms: Terms, value: object) -> datetime:
    """The instant of a local time at which the source's zone bears a name: of two it has one each."""
    if local.tzinfo is None and name in ("UTC", "GMT"):
        return local.replace(tzinfo=UTC)
    meant = periods.instants(local.replace(tzinfo=None), terms.zone)
    found = [instant for instant in meant if instant.astimezone(terms.zone).tzname() == name]
    if local.tzinfo is not None or len(found) != 1:
        raise Unreadable(f"{shown(value)}: in {terms.zone.key} the clock is not called {name} then")
    return found[0]


def _told(value: object, decimal: str, written: str | None, time_of_day: time) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time_of_day)
    if units := _EPOCH_UNITS.get(written or ""):
        count = _counted(value, decimal)
        if units > 1 and _SECONDS[0] <= count < _SECONDS[1]:
            raise ValueError("these are seconds")
        return datetime.fromtimestamp(count / units, UTC)
    if written == "excel_days":
        # Inexact, since an hour is no binary fraction of a day.
        told = _EXCEL_EPOCH + timedelta(seconds=round(_counted(value, decimal) * 86_400))
        return told if told.time() != time(0) else datetime.combine(told, time_of_day)
    if written is not None and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # 20240302, where numbers have a type
    return _written(value.strip(), written, time_of_day) if isinstance(value, str) else None


def _counted(value: object, decimal: str) -> float:
    return float(value.replace(decimal, ".") if isinstance(value, str) else str(value))


_MIDNIGHT = re.compile(r"(?<=[T ])24:00(:00(\.0+)?)?(?=$|[Z+ -])", re.ASCII)
"""24:00 is the end of its day (ISO 8601), which Python's readers do not know."""


def _written(text: str, written: str | None, time_of_day: time) -> datetime:
    at_midnight, ends_day = _MIDNIGHT.subn(lambda match: match[0].replace("24", "00", 1), text)
    parsed = _parsed(at_midnight, written, time_of_day)
    return parsed + timedelta(days=1) if ends_day else parsed


_WIDTHS: Final = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "I": 2, "M": 2, "S": 2}
_RUN: Final = re.compile(rf"((?:%[{''.join(_WIDTHS)}]){{2,}}|%.)")


@lru_cache(maxsize=64)
def _of_its_width(written: str) -> re.Pattern[str]:
    """A text of a format, whose numbers that nothing parts have all their zeros: strptime takes `100` for
    10:00 by %H%M, and 2024112 for 2 November by %Y%m%d."""
    pattern = ""
    for part in _RUN.split(written):
        if len(part) > 2 and _RUN.fullmatch(part):
            pattern += rf"\d{{{sum(_WIDTHS[name] for name in part[1::2])}}}"
        else:
            plain = r"\s+".join(map(re.escape, re.split(r"\s+", part)))
            pattern += ".+?" if part.startswith("%") else plain
    return re.compile(pattern, re.ASCII | re.IGNORECASE)


def _parsed(text: str, written: str | None, time_of_day: time) -> datetime:
    if written is None:
        try:
            day = date.fromisoformat(text)  # 2024-03-02, 20240302 and 2024-W09-6: a date, of no time
        except ValueError:
            return _iso(text, time_of_day)
        return datetime.combine(day, time_of_day)
    parsed = datetime.strptime(text, written)
    if not _of_its_width(written).fullmatch(text):
        raise ValueError("numbers that nothing parts are not as long as they are written")
    if re.search(r"%[HIcXsf]", written):
        return parsed
    return datetime.combine(parsed.date(), time_of_day)


_OFFSET = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)", re.ASCII)
"""A date with an offset, as XML Schema has it: Python takes the offset for a time of day."""


def _iso(text: str, time_of_day: time) -> datetime:
    if (of := _OFFSET.fullmatch(text)) is not None:
        return datetime.fromisoformat(f"{of[1]}T{time_of_day.isoformat()}{of[2]}")
    if not re.search(r"\d[Tt ]\d", text):
        raise ValueError("nothing stands between a date and a time")
    return datetime.fromisoformat(text)


_FLAGS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("y", "yes", "true", "t", "1", "b", "*"), True),
    **dict.fromkeys(("n", "no", "false", "f", "0", "a", ""), False),
}


def read_flag(cell: object) -> bool | None:
    """Whether the second of two is meant; None where the source does not say."""
    if cell is None or isinstance(cell, bool):
        return cell
    if isinstance(cell, float) and math.isnan(cell):
        return None
    # A float is a whole number of a column in which some are missing.
    flag = _FLAGS.get(f"{cell:g}" if isinstance(cell, float) else str(cell).strip().lower())
    if flag is None:
        raise Unreadable(f"repeated {shown(cell)} is neither yes nor no: one of {', '.join(sorted(_FLAGS))}")
    return flag


def shown(value: object) -> str:
    """A cell as a message names it, cut to a line."""
    try:
        text = repr(value)
    except Exception:  # a nest or a number without end
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}…"

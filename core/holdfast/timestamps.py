"""Times: microseconds since 1970 in UTC inside, ISO-8601 in what callers see."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

from holdfast.errors import HoldfastError, InvalidInput, short_repr

TimeLike = int | float | str | date | datetime
"""Unix seconds, a `datetime` (naive means UTC), a `date` (its first moment, UTC) or an ISO-8601 string."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?\Z",
    re.IGNORECASE | re.ASCII,
)
_FRACTION = re.compile(r"[.,](\d{1,9})")


def to_microseconds(value: TimeLike, *, name: str = "timestamp") -> int:
    """Return `value` as microseconds since 1970 in UTC.

    Args:
        value: Unix seconds, a `datetime`, a `date` or an ISO-8601 text.
        name: What to call the value in error texts.

    Raises:
        InvalidInput: It has none of these forms, or is outside the years 1 to 9999. Milliseconds, a year and a date
            written as a whole number are named as such.

    >>> to_microseconds("1970-01-01T00:00:01.5Z"), to_microseconds(2), to_microseconds(date(1970, 1, 2))
    (1500000, 2000000, 86400000000)
    """
    try:
        mistaken = _name_number(value)
        moment = None if mistaken else _to_utc_datetime(value)
    except HoldfastError:
        raise
    except Exception as error:
        raise InvalidInput(f"{name} cannot be read, {type(error).__name__} was raised: use Unix seconds") from error
    if moment is None:
        ways_out = mistaken or "use Unix seconds, a datetime, or ISO-8601 such as '2026-05-08T13:56:00Z'"
        raise InvalidInput(f"{name} is {short_repr(value)}: {ways_out}")
    return (moment - _EPOCH) // _MICROSECOND


def parse_microseconds(text: str) -> int | None:
    """Return an ISO-8601 date or date-time as microseconds since 1970, `None` when `text` is neither.

    >>> parse_microseconds("1970-01-02"), parse_microseconds("tomorrow")
    (86400000000, None)
    """
    moment = _parse_iso(text)
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)  # the results of a search often share their times
def to_isoformat(microseconds: int) -> str:
    """Return `microseconds` since 1970 as ISO-8601 in UTC.

    >>> to_isoformat(1_500_000)
    '1970-01-01T00:00:01.500000+00:00'
    """
    return to_datetime(microseconds).isoformat()


def to_datetime(microseconds: int) -> datetime:
    """Return `microseconds` since 1970 as an aware `datetime` in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_calendar_day(value: str | date | datetime, *, name: str = "expiration_date") -> str:
    """Return the day of `value` in UTC as `YYYY-MM-DD`.

    Raises:
        InvalidInput: It is not a date.

    >>> to_calendar_day("2026-05-08T23:30:00-02:00")
    '2026-05-09'
    """
    moment = None if isinstance(value, (int, float)) else _to_utc_datetime(value)
    if moment is None:
        raise InvalidInput(f"{name} is {short_repr(value)}: use a date such as {_day_meant(value)!r}")
    return moment.date().isoformat()


def _name_number(value: object) -> str | None:
    """Return what a number is taken for, and what to give instead; `None` when it can be Unix seconds.

    Numbers in text are named too. Every unit finer than seconds is beyond the year 9999 since 1978.
    """
    number = _read_number(value)
    if number is None:
        return None
    for unit, in_a_second in _UNITS.items():
        if _LAST_SECOND < number < _YEAR_2200 * in_a_second:
            return f"that looks like {unit}, give seconds: {number / in_a_second:.15g}"
    day = _read_date(number)
    if day is not None:
        return f"that looks like a {'year' if number <= _LAST_YEAR else 'date'}, give a date as text: '{day}'"
    return f"that is a number in text, give the number itself: {number}" if isinstance(value, str) else None


_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_LAST_SECOND = 253_402_300_799  # of the year 9999
_YEAR_2200 = 7_258_118_400
_UNITS = {"milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
_NUMBER = re.compile(r"\s*-?\d{1,20}(?:\.\d{1,9})?\s*\Z", re.ASCII)


def _read_number(value: object) -> int | float | None:
    if isinstance(value, str) and _NUMBER.match(value):
        return float(value) if "." in value else int(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _read_date(number: float) -> date | None:
    """Return the date in a whole number such as 20260508, and the first day of a year such as 2026."""
    if not isinstance(number, int):
        return None
    digits = str(number) if _FIRST_YEAR <= number < (_LAST_YEAR + 1) * 10_000 else ""
    year, month, day = digits[:4], digits[4:6] or "01", digits[6:] or "01"
    moment = _parse_iso(f"{year}-{month}-{day}")
    return moment.date() if moment and moment.year >= _FIRST_YEAR else None


def _day_meant(value: object) -> str:
    """Return the day that a number of seconds, or of a finer unit, lies in; else any day."""
    number = _read_number(value)
    if not number or abs(number) >= _YEAR_2200 * 1_000_000_000:
        return "2027-01-31"
    for in_a_second in (1, *_UNITS.values()):
        moment = _to_utc_datetime(number / in_a_second)
        if moment is not None:
            return (_read_date(number) or moment.date()).isoformat()
    return "2027-01-31"


def _to_utc_datetime(value: object) -> datetime | None:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _EPOCH + timedelta(seconds=value)
        if isinstance(value, datetime):
            return _to_utc(value)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None
    return _parse_iso(value.strip()) if isinstance(value, str) else None


def _parse_iso(text: str) -> datetime | None:
    if not _ISO.match(text):
        return None
    # Python 3.10 parses neither `Z` nor fractions of other than three or six digits.
    plain = _FRACTION.sub(lambda match: "." + match.group(1)[:6].ljust(6, "0"), text)
    plain = re.sub(r"\s*[zZ]$", "+00:00", plain)
    plain = re.sub(r"\s*([+-]\d{2}):?(\d{2})$", r"\1:\2", plain) if len(plain) > len("2026-05-08") else plain
    try:
        return _to_utc(datetime.fromisoformat(plain))
    except (ValueError, OverflowError):
        return None


def _to_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)

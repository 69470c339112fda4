"""Moments in time: microseconds since 1970 in UTC inside, ISO-8601 at the border."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

from holdfast.errors import InvalidInput, short_repr

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

    Raises:
        InvalidInput: It is none of the accepted forms, or lies outside the years 1 to 9999.
    """
    moment = _datetime(value)
    if moment is None:
        raise InvalidInput(
            f"{name} is {short_repr(value)}: use Unix seconds, a datetime, or ISO-8601 such as '2026-05-08T13:56:00Z'"
        )
    return (moment - _EPOCH) // _MICROSECOND


def parse_microseconds(text: str) -> int | None:
    """Return an ISO-8601 date or date-time as microseconds since 1970, or `None` when `text` is neither."""
    moment = _from_iso(text)
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)
def to_isoformat(microseconds: int) -> str:
    """Return `microseconds` since 1970 as ISO-8601 in UTC, such as `2026-05-08T13:56:00+00:00`."""
    return to_datetime(microseconds).isoformat()


def to_datetime(microseconds: int) -> datetime:
    """Return `microseconds` since 1970 as an aware `datetime` in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_calendar_day(value: str | date | datetime, *, name: str = "expiration_date") -> str:
    """Return the UTC day of `value` as `YYYY-MM-DD`.

    Raises:
        InvalidInput: It is no date.
    """
    moment = None if isinstance(value, (int, float)) else _datetime(value)
    if moment is None:
        raise InvalidInput(f"{name} is {short_repr(value)}: use a date such as '2027-01-31'")
    return moment.date().isoformat()


def _datetime(value: object) -> datetime | None:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _EPOCH + timedelta(seconds=value)
        if isinstance(value, datetime):
            return _in_utc(value)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None
    return _from_iso(value.strip()) if isinstance(value, str) else None


def _from_iso(text: str) -> datetime | None:
    if not _ISO.match(text):
        return None
    # Python 3.10 reads neither `Z` nor fractions of other than three or six digits.
    plain = _FRACTION.sub(lambda found: "." + found.group(1)[:6].ljust(6, "0"), text)
    plain = re.sub(r"\s*[zZ]$", "+00:00", plain)
    plain = re.sub(r"\s*([+-]\d{2}):?(\d{2})$", r"\1:\2", plain) if len(plain) > len("2026-05-08") else plain
    try:
        return _in_utc(datetime.fromisoformat(plain))
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)

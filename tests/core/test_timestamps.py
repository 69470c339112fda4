"""Times in every form that programs have are read, or named as what they are."""

# ruff: noqa: DTZ001 - Hypothesis takes bounds without a zone

from datetime import date, datetime, timezone

import pytest
from hypothesis import given, strategies as st

from holdfast.errors import InvalidInput
from holdfast.timestamps import to_calendar_day, to_microseconds

UNITS = {"milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2199, 1, 1), timezones=st.just(timezone.utc))


@pytest.mark.parametrize("unit", UNITS)
@given(moment=MOMENTS)
def test_a_finer_unit_is_named_with_the_seconds_it_would_be(unit, moment):
    seconds = int(moment.timestamp())
    for number in (seconds * UNITS[unit], float(seconds * UNITS[unit]), str(seconds * UNITS[unit])):
        with pytest.raises(InvalidInput, match=f"looks like {unit}, give seconds: {seconds}$"):
            to_microseconds(number)


@given(st.integers(-62_135_596_800, 253_402_300_799).filter(lambda number: not 1900 <= number < 21_010_000))
def test_seconds_of_the_years_1_to_9999_are_seconds(number):
    assert to_microseconds(number) == to_microseconds(float(number)) == number * 1_000_000


@given(st.integers(1900, 2100))
def test_a_year_is_named(year):
    for number in (year, str(year)):
        with pytest.raises(InvalidInput, match=f"looks like a year, give a date as text: '{year}-01-01'"):
            to_microseconds(number)


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_a_date_without_hyphens_is_named(day):
    for number in (int(f"{day:%Y%m%d}"), f"{day:%Y%m%d}"):
        with pytest.raises(InvalidInput, match=f"looks like a date, give a date as text: '{day}'"):
            to_microseconds(number)
        with pytest.raises(InvalidInput, match=f"use a date such as '{day}'"):
            to_calendar_day(number)


@given(MOMENTS)
def test_a_number_as_last_day_is_answered_with_its_day(moment):
    seconds = int(moment.timestamp())
    for number in (seconds, seconds * 1_000, str(seconds), seconds * 1_000_000):
        with pytest.raises(InvalidInput, match=f"use a date such as '{moment.date()}'"):
            to_calendar_day(number)


@pytest.mark.parametrize(
    "value", [10**5000, -(10**5000), 10**19, 1e300, float("inf"), float("nan"), "9" * 400, "-1e5"], ids=range(8)
)
def test_a_number_that_is_no_time_is_refused(value):
    with pytest.raises(InvalidInput, match="timestamp is"):
        to_microseconds(value)
    with pytest.raises(InvalidInput, match="expiration_date is"):
        to_calendar_day(value)

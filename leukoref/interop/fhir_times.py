"""FHIR dates and times: partial dates, instants, periods; a time without zone is read in the record's zone."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Any, NamedTuple

_PARTIAL = re.compile(r"^(\d{4})(?:-(\d{2}))?$")


class Time(NamedTuple):
    """A point in time, how exact it was given, and whether its zone had to be assumed."""

    at: dt.datetime
    to_day: bool = False
    zone_assumed: bool = False
    partial: bool = False


def read_time(value: Any, zone: dt.tzinfo = dt.UTC) -> Time | None:
    """A FHIR date, dateTime or instant; None when absent or unreadable. Partial dates mean their first day."""
    return _read(value, zone) if type(value) is str else None


@lru_cache(maxsize=65536)
def _read(value: str, zone: dt.tzinfo) -> Time | None:
    try:
        if len(value) > 10:
            at = dt.datetime.fromisoformat(value)
            return Time(at) if at.tzinfo else Time(at.replace(tzinfo=zone), zone_assumed=True)
        if len(value) == 10:
            return Time(dt.datetime.fromisoformat(value).replace(tzinfo=zone), to_day=True)
        if partial := _PARTIAL.match(value):
            year, month = int(partial[1]), int(partial[2] or 1)
            return Time(dt.datetime(year, month, 1, tzinfo=zone), to_day=True, partial=True)
    except (ValueError, OverflowError):
        return None
    return None


def of_resource(resource: dict[str, Any], stem: str, zone: dt.tzinfo, *fallbacks: str) -> Time | None:
    """The time of ``stem[x]`` (``effective``, ``performed``): a dateTime, or the end of a period, else its start."""
    found = read_time(resource.get(f"{stem}DateTime"), zone)
    if found is None:
        period = resource.get(f"{stem}Period")
        if type(period) is dict:
            found = read_time(period.get("end"), zone) or read_time(period.get("start"), zone)
        else:
            found = read_time(resource.get(f"{stem}Instant"), zone) or _last_event(resource.get(f"{stem}Timing"), zone)
    for name in fallbacks:
        found = found or read_time(resource.get(name), zone)
    return found


def _last_event(timing: Any, zone: dt.tzinfo) -> Time | None:
    events = timing.get("event") if type(timing) is dict else None
    times = [read_time(event, zone) for event in events] if isinstance(events, list) else []
    return max((time for time in times if time is not None), key=lambda time: time.at, default=None)


def birth(value: Any, as_of: dt.datetime) -> float | None:
    """Days since a birth date; a partial date counts from the middle of its month or year. None if unreadable."""
    zone = as_of.tzinfo or dt.UTC
    born = read_time(value, zone)
    if born is None:
        return None
    at = born.at
    if born.partial:
        month = (at + dt.timedelta(days=32)).replace(day=1)
        following = at.replace(year=at.year + 1) if len(str(value)) == 4 else month
        at += (following - at) / 2
    return (as_of - at) / dt.timedelta(days=1)

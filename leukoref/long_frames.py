"""Long frames (a row an observation) to wide ones: names resolved, units converted, the newest value kept."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from leukoref.engine.intake import twelve_digits
from leukoref.engine.roles import Role, quantity_role, said_by
from leukoref.errors import InputError
from leukoref.knowledge.base import Knowledge
from leukoref.known import AGE, OPEN_ABOVE
from leukoref.matching import match_name
from leukoref.patient import Patient

UPPER, MOST = ":upper", ":most"
STATES = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
USED, UNRECOGNISED, REJECTED, INVALID = "_used", "_unrecognised", "_rejected", "_invalid"
PERSONAL = ("age", "sex", "setting")
TEXT, NUMBER = ("finding", "code", "unit", "comparator", "when"), ("value", "days_before")
COLUMNS = frozenset((*TEXT, *NUMBER, *PERSONAL, "present", "time"))


def is_long(table: pl.DataFrame) -> bool:
    columns = set(table.columns)
    return bool(columns & {"finding", "code"}) and bool(columns & {"value", "present"})


def _complete(table: pl.DataFrame, key: str) -> pl.DataFrame:
    """Every column a long frame can have, missing ones as nulls."""
    kept = [pl.col(key)]
    kept += [
        (
            pl.col(name).cast(pl.String, strict=False).str.strip_chars()
            if name in table.columns
            else pl.lit(None, pl.String)
        ).alias(name)
        for name in TEXT
    ]
    kept += [
        (pl.col(name).cast(pl.Float64, strict=False) if name in table.columns else pl.lit(None, pl.Float64)).alias(name)
        for name in NUMBER
    ]
    bad = pl.lit(False)
    if "value" in table.columns:
        bad = pl.col("value").is_not_null() & pl.col("value").cast(pl.Float64, strict=False).is_null()
    present, unclear = pl.lit(None, pl.Boolean), pl.lit(False)
    if "present" in table.columns:
        text = pl.col("present").cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
        present = text.replace_strict(STATES, default=None, return_dtype=pl.Boolean)
        unclear = (text != "") & present.is_null()
    time, undated = _times(table)
    personal = [pl.col(name) for name in PERSONAL if name in table.columns]
    marks = bad.alias("_bad"), unclear.alias("_unclear"), undated.alias("_undated")
    return table.select(*kept, *marks, present.alias("present"), time.alias("time"), *personal).with_columns(
        pl.when(pl.col("value").is_nan()).then(None).otherwise(pl.col("value")).alias("value")
    )


def _times(table: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """Times as UTC without a zone, and where something stands that is none."""
    kind, column, nothing = table.schema.get("time"), pl.col("time"), pl.lit(None, pl.Datetime("us"))
    if kind is None or kind == pl.Null:
        return nothing, pl.lit(False)
    if kind == pl.String:
        read = {text: _time(text) for text in table.get_column("time").unique().drop_nulls()}
        time = column.replace_strict(read, return_dtype=pl.Datetime("us"))
        return time, time.is_null() & (column.str.strip_chars() != "")
    if kind == pl.Date or kind == pl.Datetime:
        zoned = getattr(kind, "time_zone", None) is not None
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else column
        return column.cast(pl.Datetime("us")), pl.lit(False)
    return nothing, column.is_not_null()


def _time(text: str) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return time if time.tzinfo is None else time.astimezone(dt.UTC).replace(tzinfo=None)


def _meanings(rows: pl.DataFrame, base: Knowledge) -> pl.DataFrame:
    """What each combination of name, code and unit stands for, as a number and as a state."""
    found = []
    for name, code, unit in rows.select("finding", "code", "unit").unique(maintain_order=True).iter_rows():
        entry: dict[str, Any] = {"finding": name, "code": code, "unit": unit}
        try:
            match = match_name(name or code or "", code, base) if name or code else None
        except InputError:
            entry["problem"] = "code_and_name_disagree"
            match = None
        chosen = base.finding[match.finding] if match and match.finding else None
        entry["known"] = match is not None
        entry["contrary"] = match.contrary if match else ()
        if match and match.finding is None:
            entry["states"], entry["excluded"], entry["denied"] = said_by(match, base)
            entry["implied"] = True
        elif chosen and chosen.kind == "presence":
            entry["states"] = [chosen.id]
        elif chosen:
            entry["states"] = [chosen.if_present] if chosen.if_present else []
            role = quantity_role("", chosen, unit, base) if unit else None
            entry["problem"] = "no_unit" if role is None else role.problem or None
            measured = base.finding[role.findings[0]] if role else chosen
            entry["quantity"] = measured.id
            if role and measured.plausible:
                entry |= {
                    "slope": role.slope,
                    "shift": role.shift,
                    "least": measured.plausible.low,
                    "most": measured.plausible.high,
                }
        absent = entry.get("denied", ()) if entry.get("implied") else entry.get("states", ())
        entry["lasting"] = [*base.lasting(entry.get("states", ())), *base.spared(entry.get("excluded", ()))]
        entry["spared"] = list(base.spared(absent))
        found.append(entry)
    schema: dict[str, Any] = {
        "finding": pl.String, "code": pl.String, "unit": pl.String, "known": pl.Boolean, "problem": pl.String,
        "quantity": pl.String, "states": pl.List(pl.String), "implied": pl.Boolean,
        "excluded": pl.List(pl.String), "denied": pl.List(pl.String), "contrary": pl.List(pl.String),
        "lasting": pl.List(pl.String), "spared": pl.List(pl.String),
        "slope": pl.Float64, "shift": pl.Float64, "least": pl.Float64, "most": pl.Float64,
    }  # fmt: skip
    lists = [name for name, kind in schema.items() if kind == pl.List(pl.String)]
    return pl.DataFrame(found, schema=schema, orient="row").with_columns(
        pl.col("implied").fill_null(False), pl.col(lists).fill_null([])
    )


def read(table: pl.DataFrame, key: str, base: Knowledge) -> pl.DataFrame:
    """Each row with its meaning, its interval in the canonical unit and the reason it is refused, if it is."""
    rows = _complete(table, key)
    rows = rows.join(
        _meanings(rows, base), on=["finding", "code", "unit"], how="left", nulls_equal=True, maintain_order="left"
    )
    value = twelve_digits((rows["value"] * rows["slope"] + rows["shift"]).fill_null(math.nan).to_numpy())
    sign = pl.col("comparator")
    rows = rows.with_columns(
        pl.Series("low", value), pl.Series("high", value),
        pl.Series("below", np.nextafter(value, -np.inf)), pl.Series("above", np.nextafter(value, np.inf)),
    )  # fmt: skip
    number, state = pl.col("value").is_not_null(), pl.col("present").is_not_null()
    measured = pl.col("quantity").is_not_null()
    otherwise = ~pl.col("present") & (pl.col("contrary").list.len() > 0)
    inside = pl.col("low").is_between(pl.col("least"), pl.col("most"))
    reason = (
        pl.when(pl.col("_bad")).then(pl.lit("not_a_number"))
        .when(pl.col("_unclear")).then(pl.lit("not_true_or_false"))
        .when(pl.col("_undated")).then(pl.lit("unknown_time"))
        .when(pl.col("problem") == "code_and_name_disagree").then("problem")
        .when(~pl.col("known")).then(None)
        .when(number & state).then(pl.lit("value_and_state"))
        .when(~number & ~state).then(pl.lit("nothing_stated"))
        .when(measured & number & pl.col("problem").is_not_null()).then("problem")
        .when(measured & number & ~inside).then(pl.lit("implausible"))
        .when(measured & state & (pl.col("states").list.len() == 0) & ~otherwise).then(pl.lit("needs_a_number"))
        .when(sign.is_not_null() & ~sign.is_in(["<", "<=", ">", ">="])).then(pl.lit("unknown_comparator"))
    )  # fmt: skip
    least = pl.when(pl.col("least") <= 0).then(pl.min_horizontal("least", pl.lit(0.0))).otherwise(pl.col("least"))
    return rows.with_columns(
        reason.alias("reason"),
        pl.when(sign.is_in(["<", "<="])).then(least)
        .when(sign == ">").then(pl.col("above")).otherwise(pl.col("low")).alias("low"),
        pl.when(sign.is_in([">", ">="])).then(pl.min_horizontal("most", pl.lit(OPEN_ABOVE)))
        .when(sign == "<").then(pl.col("below")).otherwise(pl.col("high")).alias("high"),
        pl.coalesce("present", pl.col("value") != 0).alias("state"),
        pl.coalesce("days_before", -pl.col("time").dt.epoch("us") / 86_400_000_000, pl.lit(-1e9)).alias("recency"),
    )  # fmt: skip


def newest(name: str) -> pl.Expr:
    """Age, sex or setting as the newest row of a patient states it, whatever the order of the rows."""
    return pl.col(name).sort_by("recency", name).drop_nulls().first()


def _at_one_time(base: Knowledge) -> tuple[pl.Expr, ...]:
    """The interval of several values at one time, as `findings._latest` takes them, and the highest of them."""
    kinds = {which: [f.id for f in base.findings if f.of_several == which] for which in ("lowest", "highest")}
    lowest, highest = (pl.col("quantity").first().is_in(kinds[which]) for which in ("lowest", "highest"))
    low, high = pl.col("low"), pl.col("high")
    sides = pl.col("comparator").fill_null(" ").str.head(1)
    bounds = sides.is_in(["<", ">"]).all() & (sides.n_unique() == 2) & (low.max() <= high.min())
    return (
        pl.when(bounds | highest).then(low.max()).otherwise(low.min()).alias("low"),
        pl.when(bounds | lowest).then(high.min()).otherwise(high.max()).alias("high"),
        pl.when(bounds).then(high.min()).otherwise(high.max()).alias("most"),
    )


def _lasting(rows: pl.DataFrame) -> pl.DataFrame:
    """What was there before this illness, or was not, as far as it says something of today; it is implied, as
    `findings.left_of` says."""
    before = rows.filter(pl.col("when") == "earlier")
    nothing = pl.lit([], pl.List(pl.String))
    return before.with_columns(
        pl.when("state").then("lasting").otherwise("spared").alias("states"),
        pl.lit(True).alias("implied"), pl.lit(True).alias("state"),
        nothing.alias("excluded"), nothing.alias("denied"), nothing.alias("contrary"),
    )  # fmt: skip


def _earlier_counts(rows: pl.DataFrame, key: str, base: Knowledge) -> Iterator[tuple[str, pl.DataFrame]]:
    """The counts of each patient from before this illness, as `timeline.earlier_counts` takes them, a list a row."""
    undated = pl.col("days_before").is_null() & pl.col("time").is_null()
    before = undated | (pl.col("days_before") >= base.parameter("before_illness"))
    counts = rows.filter((pl.col("when") == "earlier") & before & pl.col("value").is_not_null())
    for name in base.told_when_low:
        found = counts.filter(pl.col("quantity") == name)
        if not found.is_empty():
            ends = {f"earlier:{name}": "low", f"earlier:{name}{UPPER}": "high"}
            yield name, found.group_by(key).agg(pl.col(end).alias(column) for column, end in ends.items())


def widened(table: pl.DataFrame, key: str, base: Knowledge) -> tuple[list[Role], pl.DataFrame]:
    """A frame with one row a patient, in the order of their first rows, and the roles of its columns."""
    rows = read(table, key, base)
    named = pl.coalesce("finding", "code", pl.lit("finding"))
    stated = rows.filter(~pl.col("_bad"))
    wide = rows.group_by(key, maintain_order=True).agg(
        (pl.col("known") & pl.col("reason").is_null()).sum().cast(pl.Int32).alias(USED),
        (~pl.col("known") & ~pl.col("_bad") & pl.col("problem").is_null()).sum().cast(pl.Int32).alias(UNRECOGNISED),
        (named + ": " + pl.col("reason")).drop_nulls().sort().alias(REJECTED),
        *(newest(name) for name in PERSONAL if name in table.columns),
    )
    read_as_meant = stated.filter(pl.col("reason").is_null() & pl.col("known"))
    now = read_as_meant.filter(pl.col("when").fill_null("now") != "earlier")
    roles = [Role(name, name) for name in PERSONAL if name in table.columns]  # type: ignore[arg-type]
    measured = now.filter(pl.col("quantity").is_not_null() & pl.col("value").is_not_null())
    measured = measured.filter(pl.col("recency") == pl.col("recency").min().over(key, "quantity"))
    measured = measured.group_by(key, "quantity").agg(*_at_one_time(base))
    for name in measured.get_column("quantity").unique().sort():
        part = measured.filter(pl.col("quantity") == name)
        column = "_age" if name == AGE else name
        lowest = name != AGE and base.finding[name].of_several == "lowest"  # elsewhere `high` is the highest already
        ends = {"low": column, "high": f"{column}{UPPER}"} | ({"most": f"{column}{MOST}"} if lowest else {})
        part = part.select(key, *(pl.col(end).alias(alias) for end, alias in ends.items()))
        wide = wide.join(part, on=key, how="left", nulls_equal=True, maintain_order="left")
        if name == AGE:
            age = pl.col("_age")
            if "age" in wide.columns:  # text may have a unit, as in '3 wk'
                text = wide.schema["age"] == pl.String
                age = pl.coalesce("age", age.cast(pl.String)) if text else pl.coalesce(pl.col("age"), age)
            wide = wide.with_columns(age.alias("age"))
            roles = [Role("age", "age"), *(entry for entry in roles if entry.kind != "age")]
        else:
            roles.append(Role(name, "quantity", (name,), high=f"{name}{UPPER}", most=ends.get("most", ""), count=False))
    for name, columns in _earlier_counts(read_as_meant, key, base):
        wide = wide.join(columns, on=key, how="left", nulls_equal=True, maintain_order="left")
        roles.append(Role(f"earlier:{name}", "earlier", (name,), high=f"earlier:{name}{UPPER}", count=False))
    said = pl.concat([now, _lasting(read_as_meant)])
    said = said.filter(pl.col("quantity").is_null() | pl.col("present").is_not_null())
    absent = pl.when("state").then("excluded").otherwise("denied").alias("states")
    excluded = said.filter("implied").select(key, absent).explode("states").drop_nulls("states")
    excluded = excluded.with_columns(pl.lit(True).alias("yes")).unique()
    contrary = said.filter(~pl.col("state")).select(key, pl.col("contrary").alias("states"))
    contrary = contrary.explode("states").drop_nulls("states").with_columns(pl.lit(True).alias("yes"))
    said = said.filter(pl.col("states").list.len() > 0).explode("states")
    explicit = said.filter(~pl.col("implied")).group_by(key, "states").agg(
        pl.col("state").any().alias("yes"), (~pl.col("state")).any().alias("no")
    )  # fmt: skip
    clash = explicit.filter(pl.col("yes") & pl.col("no")).get_column(key)
    implied = said.filter(pl.col("implied") & pl.col("state")).select(key, "states", pl.lit(True).alias("yes"))
    implied = pl.concat([implied, contrary]).unique()
    for part, kind in ((explicit, "presence"), (implied, "implied"), (excluded, "excluded")):
        for name in part.get_column("states").unique().sort():
            column = f"{kind}:{name}"
            one = part.filter(pl.col("states") == name).select(key, pl.col("yes").alias(column))
            wide = wide.join(one, on=key, how="left", nulls_equal=True, maintain_order="left")
            if kind == "excluded":
                roles.append(Role(column, "implied", excluded=(name,), count=False))
            else:
                roles.append(Role(column, kind, (name,), count=False))  # type: ignore[arg-type]
    return roles, wide.with_columns(pl.col(key).is_in(clash.implode(), nulls_equal=True).alias(INVALID))


def patient(table: pl.DataFrame, key: str, base: Knowledge, setting: str | None) -> Patient:
    """The rows of one patient as a Patient, without those that are refused."""
    rows = read(table, key, base)
    values: dict[str, Any] = {"setting": setting}
    observations = []
    for row in rows.iter_rows(named=True):
        if row["reason"] is not None or (row["value"] is None and row["present"] is None):
            continue
        if row["quantity"] == AGE:
            values["age"] = f"{row['low']!r} a"
            continue
        kept = ("code", "unit", "comparator", "when", "days_before", "time", "value", "present")
        entry = {
            "finding": row["finding"] or row["code"],
            **{name: row[name] for name in kept if row[name] is not None},
        }
        if row["value"] is not None and not row["unit"]:
            entry["present"] = bool(entry.pop("value"))
        observations.append(entry)
    for name in PERSONAL:
        stated = rows.select(newest(name)).item() if name in rows.columns else None
        if stated is not None:
            values[name] = f"{float(stated)!r} a" if name == "age" else stated
    return Patient.parse({**values, "observations": observations})

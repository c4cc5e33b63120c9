"""Columns of a cohort to a block of findings: what `findings.resolve` does for one patient, for many.

Every value that cannot be read as meant is left out and reported with a reason code; values of one patient that
contradict each other make the row invalid. Codes are listed in `REASONS`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from leukoref.engine.columnar import Bits, Block, Floats
from leukoref.engine.reference import SEXES, ReferencePositions
from leukoref.engine.roles import Role
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.vocabulary import Finding, age_in_years
from leukoref.known import AGE
from leukoref.patient import OLDEST_YEARS

REASONS = {
    "implausible": "a number outside the possible range of its finding",
    "not_a_number": "text where a number is expected",
    "not_true_or_false": "neither true, false, 1 nor 0 where a finding is present or absent",
    "needs_a_number": "true or false where only a number tells something",
    "unknown_unit": "a unit that is not known or of another dimension",
    "wrong_type": "a column whose type holds no finding",
    "impossible_age": f"no age between 0 and {OLDEST_YEARS:g} years",
    "unknown_sex": "neither female, male nor unknown",
    "unknown_setting": "a setting that the rules have no prevalences for",
    "contradiction": "one finding both present and absent: the whole row",
    "differential_over_100": "percentages of the differential above 100: the whole row",
    "anc_over_wbc": "more neutrophils than white cells: the whole row",
    "no_unit": "a number without its unit in a long frame",
    "value_and_state": "both a value and present in one row of a long frame",
    "nothing_stated": "neither a value nor present in one row of a long frame",
    "unknown_time": "a time in a long frame that is no date or time of ISO 8601",
    "unknown_comparator": "a comparator other than <, <=, > and >=",
    "code_and_name_disagree": "a code and a name that mean different findings",
    "refused_patient": "what `assess` raises an error for: the whole patient",
    "duplicate_patient": "several rows of one patient: all of them",
}
NOTHING = -1
OF_SEVERAL = {"lowest": (np.fmin, np.fmin), "highest": (np.fmax, np.fmax), None: (np.fmin, np.fmax)}


@dataclass(slots=True)
class Intake:
    """A block with what was counted and refused on the way."""

    block: Block
    used: npt.NDArray[np.int32]
    unrecognised: npt.NDArray[np.int32]
    rejected: list[tuple[npt.NDArray[np.intp], str]] = field(default_factory=list)


def read(
    frame: pl.DataFrame, roles: Sequence[Role], base: Knowledge, positions: ReferencePositions | None = None
) -> Intake:
    """The block of a frame, with the ``positions`` in reference intervals that rules ask for."""
    size = frame.height
    found = Intake(Block(size, age=np.full(size, np.nan)), np.zeros(size, np.int32), np.zeros(size, np.int32))
    implied: list[tuple[str, bool, Bits]] = []
    sex = np.zeros(size, np.int8)
    ready = _ready(frame, roles)
    for entry in roles:
        column = frame.get_column(entry.column)
        if column.null_count() == size:
            continue
        if entry.kind == "unrecognised":
            found.unrecognised += _some(column)
        elif entry.kind == "unused":
            found.used += _some(column)
        elif entry.kind == "age":
            _age(column, found, entry)
        elif entry.kind == "sex":
            sex = _sex(column, found, entry)
        elif entry.problem:
            _reject(found, entry, _some(column), entry.problem)
        elif entry.kind == "quantity":
            upper = frame.get_column(entry.high) if entry.high else None
            if entry.most:
                found.block.most[entry.findings[0]] = frame.get_column(entry.most).fill_null(math.nan).to_numpy()
            _quantity(ready.get(entry.column, column), upper, found, entry, base.finding[entry.findings[0]])
        elif entry.kind not in ("setting", "earlier"):
            yes, no = _states(column, ready.get(entry.column), found, entry)
            if entry.kind == "implied":
                implied += [(name, True, yes) for name in entry.findings]
                implied += [(name, False, yes) for name in entry.excluded]
                implied += [(name, False, no) for name in entry.denied]
            else:
                _say(found.block, entry.findings[0], yes, no)
            implied += [(name, True, no) for name in entry.contrary]
    # What was said outright comes before what a wider term implies, and that before what is only said not to be there.
    for name, state, said in sorted(implied, key=lambda entry: not entry[1]):
        _imply(found.block, name, state, said)
    for name, state, other in base.denies:
        if (denied := found.block.given.get((name, state))) is not None:
            _imply(found.block, other, False, denied)
    _lift_denials(found.block, base)
    if sex.any():
        for name, code in (("female", 1), ("male", 2)):
            if name in base.finding:
                known = sex > 0
                kept = {state: found.block.given.get((name, state), ~known & False) & ~known for state in (True, False)}
                found.block.given[name, True] = kept[True] | (sex == code)
                found.block.given[name, False] = kept[False] | (known & (sex != code))
    if not np.isnan(found.block.age).all():
        found.block.low[AGE] = found.block.high[AGE] = found.block.age
    _differential(found.block, base)
    _uncounted(found.block, base)
    if positions is not None:
        _earlier_counts(frame, roles, found.block, sex, base, positions)
        positions.state(found.block, sex)
    return found


def _ready(frame: pl.DataFrame, roles: Sequence[Role]) -> dict[str, pl.Series]:
    """Booleans as 1, 0 and -1 for nothing, numbers with NaN for nothing: one pass of Polars for all columns."""
    wanted: list[pl.Expr] = []
    schema = frame.schema
    for entry in roles:
        dtype, column = schema[entry.column], pl.col(entry.column)
        if entry.kind in ("presence", "implied") and dtype == pl.Boolean:
            wanted.append(column.cast(pl.Int8).fill_null(NOTHING))
        elif entry.kind == "quantity" and dtype.is_numeric():
            wanted.append(column.cast(pl.Float64).fill_null(math.nan))
    return {column.name: column for column in frame.select(wanted)} if wanted else {}


# -- single columns -----------------------------------------------------------------------------------------


def _some(column: pl.Series) -> Bits:
    if column.dtype.is_float():
        column = column.fill_nan(None)
    return column.is_not_null().to_numpy()


def _reject(found: Intake, entry: Role, rows: Bits, reason: str) -> None:
    if rows.any():
        found.rejected.append((np.flatnonzero(rows), f"{entry.column}: {reason}"))


def _numbers(column: pl.Series) -> tuple[Floats, Bits]:
    """The numbers of a column (NaN for none), and where something stands that is no number."""
    if column.dtype.is_numeric():
        if column.dtype != pl.Float64 or column.null_count():
            column = column.cast(pl.Float64).fill_null(math.nan)
        return column.to_numpy(), np.zeros(0, np.bool_)
    if column.dtype == pl.String:
        numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
        bad = column.is_not_null() & numbers.is_null() & (column.str.strip_chars() != "")
        return numbers.fill_null(math.nan).to_numpy(), bad.to_numpy()
    return np.full(len(column), np.nan), _some(column)


def _quantity(column: pl.Series, upper: pl.Series | None, found: Intake, entry: Role, finding: Finding) -> None:
    low, bad = _numbers(column)
    _reject(found, entry, bad, "not_a_number")
    low = _canonical(low, entry)
    high = low if upper is None else _canonical(_numbers(upper)[0], entry)
    assert finding.plausible is not None
    inside = (low >= finding.plausible.low) & (high <= finding.plausible.high) | (entry.high != "")
    if not inside.all():
        _reject(found, entry, ~inside & ~np.isnan(low), "implausible")
        low = np.where(inside, low, np.nan)
        high = np.where(inside, high, np.nan)
    if entry.count:
        found.used += ~np.isnan(low)
    block, name = found.block, finding.id
    if name in block.low:  # two columns of one finding, as `findings._latest` takes several values
        lows, highs = OF_SEVERAL[finding.of_several]
        block.most[name] = np.fmax(block.most.get(name, block.high[name]), high)
        low, high = lows(block.low[name], low), highs(block.high[name], high)
    block.low[name], block.high[name] = low, high


def _canonical(values: Floats, entry: Role) -> Floats:
    if entry.high:  # canonical already
        return values
    if (entry.slope, entry.shift) != (1.0, 0.0):
        values = values * entry.slope + entry.shift
    return twelve_digits(values)


NEAR_A_HALF = 0.001  # a number of twelve digits times its scale is only so exact: which side it lies on, its text says


def twelve_digits(values: Floats) -> Floats:
    """Numbers as 12 significant digits say them, so that 2.1 10*3/uL is 2.1 10*9/L."""
    short = np.rint(values * 1e4) / 1e4
    if np.all((short == values) | ~(np.abs(values) < 1e7)) and not np.any(np.abs(values) >= 1e7):
        return values
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        places = 11 - np.floor(np.log10(np.abs(values)))
        scale = np.power(10.0, np.clip(places, 0, 22))
        scaled = values * scale
        rounded = np.rint(scaled) / scale
        halves = np.abs(scaled - np.floor(scaled) - 0.5) < NEAR_A_HALF
    kept = np.isfinite(rounded) & (values != 0) & (places >= 0) & (places <= 22)
    for row in np.flatnonzero(kept & halves):
        rounded[row] = float(f"{values[row]:.12g}")
    return np.where(kept, rounded, values)


def _states(column: pl.Series, ready: pl.Series | None, found: Intake, entry: Role) -> tuple[Bits, Bits]:
    """Where a finding is said to be present, and where absent."""
    if ready is not None:
        said = ready.to_numpy()
        yes, no = said == 1, said == 0
    elif column.dtype == pl.String:
        words = column.str.strip_chars().str.to_lowercase()
        yes = words.is_in(["true", "1"]).fill_null(False).to_numpy()
        no = words.is_in(["false", "0"]).fill_null(False).to_numpy()
        _reject(found, entry, (words != "").fill_null(False).to_numpy() & ~yes & ~no, "not_true_or_false")
    else:
        numbers, bad = _numbers(column)
        yes, no = numbers == 1, numbers == 0
        _reject(found, entry, ~(yes | no) & ~np.isnan(numbers), "not_true_or_false")
        _reject(found, entry, bad, "wrong_type")
    if entry.count:
        found.used += yes | no
    return yes, no


def _say(block: Block, name: str, yes: Bits, no: Bits) -> None:
    said = block.given.get((name, True)), block.given.get((name, False))
    if said[0] is not None and said[1] is not None:
        clash = said[0] & no | said[1] & yes
        block.invalid["contradiction"] = block.invalid.get("contradiction", clash) | clash
        yes, no = said[0] | yes, said[1] | no
    block.given[name, True], block.given[name, False] = yes, no


def _imply(block: Block, name: str, state: bool, said: Bits) -> None:
    """What follows holds where the opposite was not said; it adds to what was said before."""
    nothing = np.zeros(block.size, np.bool_)
    unsaid = said & ~block.given.get((name, not state), nothing)
    block.given[name, state] = block.given.get((name, state), nothing) | unsaid


def _lift_denials(block: Block, base: Knowledge) -> None:
    """As `findings._lift_denials`: what is there outweighs the denial of something wider."""
    for name, state in list(block.given):
        for wider in base.ancestors.get(name, ()) if state else ():
            denied = block.given.get((wider, False))
            if denied is not None and (lifted := denied & block.given[name, True]).any():
                block.given[wider, False] = denied & ~lifted
                _imply(block, wider, True, lifted)


def _age(column: pl.Series, found: Intake, entry: Role) -> None:
    """Years as a number, or text with a unit ('45 a', '3 wk')."""
    if column.dtype == pl.String:
        read = {text: _years(text) for text in column.unique().drop_nulls()}
        column = column.replace_strict(read, return_dtype=pl.Float64)
        _reject(found, entry, column.is_infinite().fill_null(False).to_numpy(), "impossible_age")
        column = column.replace({math.inf: None})
    years, bad = _numbers(column)
    _reject(found, entry, bad, "impossible_age")
    possible = (years >= 0) & (years <= OLDEST_YEARS)
    _reject(found, entry, ~possible & ~np.isnan(years), "impossible_age")
    found.block.age = np.where(possible, years, np.nan)


def _years(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return age_in_years(text)
    except ValueError:
        return math.inf


def _sex(column: pl.Series, found: Intake, entry: Role) -> npt.NDArray[np.int8]:
    words = pl.col(column.name).cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
    codes = words.replace_strict(SEXES, default=-1, return_dtype=pl.Int8)
    codes = pl.when(pl.col(column.name).is_null()).then(0).otherwise(codes).cast(pl.Int8)
    known = column.to_frame().select(codes).to_series().fill_null(-1).to_numpy()
    _reject(found, entry, known < 0, "unknown_sex")
    found_sex: npt.NDArray[np.int8] = np.maximum(known, 0)
    return found_sex


# -- what follows by arithmetic -----------------------------------------------------------------------------


def _differential(block: Block, base: Knowledge) -> None:
    """Absolute counts from percentages and the contradictions between them, as `findings._differential`."""
    measured, nothing = block.low, np.full(block.size, np.nan)
    shares = sorted({part for ways in base.differential.values() for way in ways for part in way})
    stated = np.zeros(block.size)
    for part in shares:
        if part in measured:
            stated += np.nan_to_num(measured[part])
    split = ("segmented_neutrophils_percent", "band_neutrophils_percent")
    if "neutrophils_percent" in measured and any(part in measured for part in split):
        twice = sum((np.nan_to_num(measured.get(part, nothing)) for part in split), np.zeros(block.size))
        stated -= np.where(np.isnan(measured["neutrophils_percent"]), 0.0, twice)
    block.invalid["differential_over_100"] = stated > 100 * (1 + base.parameter("differential_tolerance")["sum"])
    for count, ways in base.differential.items():
        if not any(all(part in measured for part in way) for way in ways):
            continue
        low, high = measured.get(count, nothing).copy(), block.high.get(count, nothing).copy()
        wanted, counted = np.isnan(low), ~np.isnan(measured.get("wbc", nothing))
        for way in ways:
            if not all(part in measured for part in way):
                continue
            here = wanted & np.logical_and.reduce([~np.isnan(measured[part]) for part in way])
            wanted &= ~here
            none = here & ~counted & (sum((block.high[part] for part in way), np.zeros(block.size)) == 0)
            low[none] = high[none] = 0.0  # 0 % of any count
            here &= counted
            for ends, result in ((measured, low), (block.high, high)) if here.any() else ():
                sums = sum((ends[part] for part in way), np.zeros(block.size))
                result[here] = twelve_digits(ends["wbc"][here] * sums[here] / 100)
        measured[count], block.high[count] = low, high
    if "wbc" in measured and "anc" in measured:
        most = np.fmax(block.high["wbc"], block.most.get("wbc", block.high["wbc"]))
        block.invalid["anc_over_wbc"] = measured["anc"] > most * 1.05


def _uncounted(block: Block, base: Knowledge) -> None:
    """What is said without its count, as `findings._uncounted`."""
    for name, deeper, count, meant in base.uncounted:
        said = block.given.get((name, True))
        if said is None:
            continue
        counted = ~np.isnan(block.low[count]) if count in block.low else np.zeros(block.size, np.bool_)
        known = np.logical_or.reduce([counted, *(block.given[d, True] for d in deeper if (d, True) in block.given)])
        _imply(block, meant, True, said & ~known)


def _earlier_counts(
    frame: pl.DataFrame, roles: Sequence[Role], block: Block, sex: npt.NDArray[np.int8], base: Knowledge,
    positions: ReferencePositions,
) -> None:  # fmt: skip
    """What counts from before this illness say of its course, as `timeline.earlier_counts`."""
    low: dict[str, Bits] = {}
    normal: dict[str, Bits] = {}
    nobody = np.zeros(block.size, np.bool_)
    for entry in (entry for entry in roles if entry.kind == "earlier"):
        values = frame.select(pl.int_range(pl.len()).alias("row"), pl.col(entry.column, entry.high))
        values = values.explode(entry.column, entry.high).drop_nulls()
        ends = values.get_column(entry.column).to_numpy(), values.get_column(entry.high).to_numpy()
        rows = values.get_column("row").to_numpy().astype(np.intp)
        under, within = positions.before(entry.findings[0], rows, ends, block, sex)
        meant = base.told_when_low[entry.findings[0]]
        for found, names, said in ((low, base.lasting([meant]), under), (normal, base.spared([meant]), within)):
            found.update({name: found.get(name, nobody) | said for name in names})
    some = np.logical_or.reduce([nobody, *low.values()])
    for name, said in (*low.items(), *((name, said & ~some) for name, said in normal.items())):
        _imply(block, name, True, said)

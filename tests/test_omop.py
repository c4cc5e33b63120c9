"""OMOP CDM 5.4: the same small hospital from DuckDB, Parquet and SQLAlchemy; concepts by vocabulary and code."""

import datetime as dt
import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import leukoref
from leukoref.findings import resolve
from leukoref.interop.omop import patients_from_omop
from leukoref.knowledge.names import normalise
from leukoref.matching import match_name
from leukoref.testing import patients
from leukoref.units import ucum

duckdb = pytest.importorskip("duckdb", reason="needs duckdb")

SCHEMA = {
    "person": "person_id INT, year_of_birth INT, month_of_birth INT, day_of_birth INT, birth_datetime TIMESTAMP, "
    "gender_concept_id INT",
    "measurement": "measurement_id INT, person_id INT, measurement_concept_id INT, measurement_date DATE, "
    "measurement_datetime TIMESTAMP, operator_concept_id INT, value_as_number DOUBLE, value_as_concept_id INT, "
    "unit_concept_id INT, measurement_source_value VARCHAR, measurement_source_concept_id INT, "
    "unit_source_value VARCHAR, value_source_value VARCHAR",
    "condition_occurrence": "condition_occurrence_id INT, person_id INT, condition_concept_id INT, "
    "condition_start_date DATE, condition_source_value VARCHAR, condition_source_concept_id INT, "
    "condition_status_concept_id INT",
    "drug_exposure": "drug_exposure_id INT, person_id INT, drug_concept_id INT, drug_exposure_start_date DATE, "
    "drug_exposure_end_date DATE, drug_source_value VARCHAR",
    "concept": "concept_id INT, concept_name VARCHAR, vocabulary_id VARCHAR, concept_class_id VARCHAR, "
    "concept_code VARCHAR",
    "concept_ancestor": "ancestor_concept_id INT, descendant_concept_id INT",
}
# ids of our own: nothing may rest on those of the published vocabulary
CONCEPTS = [
    (0, "No matching concept", "None", "Undefined", "No matching concept"),
    (1, "FEMALE", "Gender", "Gender", "F"),
    (2, "Leukocytes [#/volume] in Blood by Automated count", "LOINC", "Lab Test", "6690-2"),
    (3, "thousand per microliter", "UCUM", "Unit", "10*3/uL"),
    (4, "<", "SNOMED", "Qualifier Value", "276139006"),
    (5, "Splenomegaly", "SNOMED", "Clinical Finding", "16294009"),
    (6, "methimazole 10 MG Oral Tablet", "RxNorm", "Clinical Drug", "1"),
    (7, "methimazole", "RxNorm", "Ingredient", "6835"),
    (8, "Preliminary diagnosis", "Condition Status", "Condition Status", "OMOP1"),
    (9, "Neutrophils [#/volume] in Blood", "LOINC", "Lab Test", "751-8"),
]
ROWS = {
    "person": [(10, 1980, 5, None, None, 1), (11, 1990, None, None, None, 0)],
    "measurement": [
        (1, 10, 2, "2026-05-01", "2026-05-01 08:30:00", 0, 2.1, 0, 3, "WBC", 0, "K/uL", None),
        (2, 10, 9, "2026-05-01", "2026-05-01 08:30:00", 4, 0.5, 0, 3, "NEUT", 0, None, None),
        (3, 10, 0, "2026-05-01", None, 0, 7.0, 0, 0, "HOUSE TEST", 0, None, None),
        (4, 11, 2, "2026-05-02", None, 0, 6.5, 0, 0, "WBC", 0, None, None),
        (5, 12, 2, "2026-05-02", None, 0, 1.9, 0, 0, "WBC", 0, "10*9/L", None),
    ],
    "condition_occurrence": [(1, 10, 5, "2026-04-20", "R16.1", 0, 0), (2, 11, 5, "2026-04-20", "R16.1", 0, 8)],
    "drug_exposure": [(1, 10, 6, "2026-03-01", "2026-05-30", "METHIMAZOLE 10MG")],
    "concept": CONCEPTS,
    "concept_ancestor": [(7, 6), (7, 7)],
}


def filled(run, rows=ROWS):
    for table, columns in SCHEMA.items():
        run(f"CREATE TABLE {table} ({columns})")
        for row in rows.get(table, ()):
            cells = ["NULL" if v is None else f"'{v}'" if isinstance(v, str) else str(v) for v in row]
            run(f"INSERT INTO {table} VALUES ({', '.join(cells)})")


@pytest.fixture(params=["connection", "duckdb", "parquet", "sqlalchemy"])
def source(request, tmp_path):
    if request.param == "sqlalchemy":
        sqlite3, _ = __import__("sqlite3"), pytest.importorskip("sqlalchemy")
        with sqlite3.connect(tmp_path / "cdm.sqlite") as database:
            filled(database.execute)
        return f"sqlite:///{tmp_path / 'cdm.sqlite'}"
    path = tmp_path / "cdm.duckdb"
    connection = duckdb.connect() if request.param != "duckdb" else duckdb.connect(str(path))
    filled(connection.execute)
    if request.param == "connection":
        return connection
    if request.param == "parquet":
        for table in SCHEMA:
            connection.execute(f"COPY {table} TO '{tmp_path / table}.parquet' (FORMAT parquet)")
        return tmp_path
    connection.close()
    return path


def values(reading):
    return {o.finding: o.present if o.value is None else o.value for o in reading.patient.observations}


def test_every_source_gives_the_same_persons_findings_and_drugs(source):
    first, second, third = patients_from_omop(source)
    assert (first.subject, second.subject, third.subject) == ("10", "11", "12")
    assert values(first) == {"wbc": 2.1, "anc": 0.5, "splenomegaly": True}
    assert {o.finding: o.comparator for o in first.patient.observations}["anc"] == "<"
    assert first.patient.sex == "female"
    assert first.patient.age == pytest.approx(46, abs=0.1)
    (drug,) = first.patient.medications
    assert (drug.name, drug.start.date(), drug.reference) == ("methimazole", dt.date(2026, 3, 1), "drug_exposure/1")
    assert leukoref.assess(first.patient).status == "leukopenia"


def test_every_row_is_accounted_for(source):
    first, second, third = patients_from_omop(source)
    assert first.outcome("measurement/3").outcome == "not_relevant"
    assert [code.text for code in first.unrecognized] == ["HOUSE TEST"]
    assert second.outcome("measurement/4").reason == "no unit"
    assert second.outcome("condition_occurrence/2").outcome == "rejected"
    assert values(third) == {"wbc": 1.9}
    assert any("person table" in warning for warning in third.warnings)


def test_persons_and_the_time_of_the_assessment_can_be_chosen(source):
    (reading,) = patients_from_omop(source, persons=[10], as_of=dt.datetime(2026, 4, 25))
    assert values(reading) == {"splenomegaly": True}
    assert reading.outcome("measurement/1").reason == "later than the time of the assessment"
    assert list(patients_from_omop(source, persons=[])) == []


def test_what_is_no_cdm_is_one_clear_error(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello", "utf-8")
    for wrong in (tmp_path / "absent", tmp_path, text, 3, duckdb.connect()):
        with pytest.raises(leukoref.InputError):
            patients_from_omop(wrong)


def test_a_schema_is_a_name_and_nothing_else():
    with pytest.raises(leukoref.InputError, match="schema"):
        patients_from_omop(duckdb.connect(), schema="cdm; DROP TABLE person")


@settings(max_examples=settings().max_examples // 3)
@given(count=st.integers(1, 4000), minute=st.integers(1, 1439))
def test_a_count_its_unit_and_time_survive_the_way_through_the_cdm(count, minute):
    at = dt.datetime(2026, 5, 1) + dt.timedelta(minutes=minute)
    row = (1, 10, 2, "2026-05-01", str(at), 0, count / 100, 0, 3, "WBC", 0, None, None)
    connection = duckdb.connect()
    filled(connection.execute, {**ROWS, "measurement": [row]})
    reading = next(patients_from_omop(connection, persons=[10]))
    found = next(o for o in reading.patient.observations if o.finding == "wbc")
    assert (found.value, found.unit, found.time) == (count / 100, "10*3/uL", at.replace(tzinfo=dt.UTC))


def rows_of(patient, base):
    """A patient as rows of the CDM, as far as its tables can say it; and what was said, by finding."""
    concepts, said = list(CONCEPTS), set()
    numbers = iter(range(100, 100_000))

    def concept(code, name="", kind=""):
        vocabulary, _, bare = code.rpartition(":")
        vocabulary = {"ICD10CM": "ICD10CM", "RXNORM": "RxNorm", "HP": "HPO"}.get(vocabulary, vocabulary)
        number = next(numbers)
        concepts.append((number, name.replace("'", ""), vocabulary, kind, code if vocabulary == "HPO" else bare))
        return number

    measured, conditions, drugs = [], [], []
    for number, o in enumerate(patient.observations, 1):
        codes = [c for c in base.finding[o.finding].codes.qualified() if base.finding_codes.get(c) == o.finding]
        loinc = [c for c in codes if c.startswith("LOINC:")]
        if o.value is not None and loinc and " " not in (unit := ucum(o.unit, base.unit_index)):
            operator = concept("SNOMED:1", o.comparator) if o.comparator else 0
            row = (number, 10, concept(loinc[0]), "2026-05-01", "2026-05-01 08:30:00", operator, o.value, 0)
            measured.append((*row, concept(f"UCUM:{unit}"), "", 0, None, None))
            said.add((o.finding, o.value, unit, o.comparator))
        elif o.present is True and [c for c in codes if c.startswith(("SNOMED:", "ICD10CM:"))]:
            code = next(c for c in codes if c.startswith(("SNOMED:", "ICD10CM:")))
            source = code.startswith("ICD10CM:")
            pair = (0, concept(code)) if source else (concept(code), 0)
            conditions.append((number, 10, pair[0], "2026-05-01", "", pair[1], 0))
            said.add((o.finding, True))
        elif o.present is not None and (loinc or [c for c in codes if c.startswith("HP:")]):
            code = next(c for c in codes if c.startswith(("LOINC:", "HP:")))
            answer = concept("LOINC:0", "Positive" if o.present else "Negative")
            row = (number, 10, concept(code), "2026-05-01", "2026-05-01 08:30:00", 0, None, answer, 0, "", 0)
            measured.append((*row, None, None))
            said.add((o.finding, o.present))
    for number, m in enumerate(patient.medications, 1):
        entry = base.drug[base.drug_names[normalise(m.name)]]
        if entry.codes.rxnorm:
            ingredient = concept(f"RXNORM:{entry.codes.rxnorm[0]}", entry.name, "Ingredient")
            drugs.append((number, 10, ingredient, "2026-04-01", "2026-04-20", ""))
            said.add(("drug", entry.id))
    return {**ROWS, "concept": concepts, "measurement": measured, "condition_occurrence": conditions,
            "drug_exposure": drugs,
            "concept_ancestor": [(d[2], d[2]) for d in drugs]}, said  # fmt: skip


@settings(max_examples=settings().max_examples // 4)
@given(patient=patients(most_observations=8))
def test_what_the_tables_can_say_of_a_patient_survives_the_way_through_the_cdm(base, patient):
    at = dt.datetime(2026, 5, 1, 8, 30, tzinfo=dt.UTC)
    known = tuple(
        o.model_copy(update={"finding": match.finding, "code": None, "when": "now", "days_before": None, "time": at})
        for o in patient.observations
        if (match := match_name(o.finding, o.code, base)) is not None and match.finding
    )
    unique = tuple({o.finding: o for o in known}.values())
    patient = patient.model_copy(update={"observations": unique, "as_of": at})
    try:
        resolve(patient, base)
    except leukoref.InputError:
        assume(False)
    rows, said = rows_of(patient, base)
    connection = duckdb.connect()
    filled(connection.execute, rows)
    (reading,) = patients_from_omop(connection, persons=[10], as_of=dt.datetime(2026, 5, 2), base=base)
    back = {
        (o.finding, o.value, o.unit, o.comparator) if o.value is not None else (o.finding, o.present)
        for o in reading.patient.observations
    }
    back |= {("drug", base.drug_names[normalise(m.name)]) for m in reading.patient.medications}
    assert back == said, reading.entries
    assert {o.time for o in reading.patient.observations if o.value is not None} <= {at}


def test_all_persons_are_screened_at_once_with_their_drugs(source):
    answers = leukoref.screen(patients_from_omop(source), top=2)
    found = list(patients_from_omop(source))
    assert answers["patient"].to_list() == [reading.subject for reading in found]
    for answer, reading in zip(answers.iter_rows(named=True), found, strict=True):
        expected = leukoref.assess(reading.patient)
        assert answer["status"] == expected.status
        shown = [candidate.cause for candidate in expected.candidates[:2]]
        assert [answer["cause_1"], answer["cause_2"]] == [*shown, None, None][:2]


def test_a_folder_or_file_of_omop_is_screened_by_its_path(source):
    if "://" in str(source) or not isinstance(source, (str, os.PathLike)):
        pytest.skip("not a path")
    assert leukoref.screen(source)["status"][0] == "leukopenia"


def measured(*row):
    """The one reading of a database whose only measurement is a white cell count of these columns."""
    number, answer, unit, unit_text, word = row
    rows = [(1, 10, 2, "2026-05-01", None, 0, number, answer, unit, "WBC", 0, unit_text, word)]
    connection = duckdb.connect()
    concepts = [*CONCEPTS, (20, "Low", "SNOMED", "Qualifier Value", "62482003")]
    filled(connection.execute, {"person": ROWS["person"], "concept": concepts, "measurement": rows})
    return next(patients_from_omop(connection, persons=[10]))


def test_a_comparator_the_loader_left_in_the_words_is_not_lost():
    for number, unit in ((0.5, "K/uL"), (500, "/uL")):  # as it was sent, and converted
        (count,) = measured(number, 0, 0, unit, "<0.5").patient.observations
        assert (count.value, count.comparator) == (number, "<")


def test_a_value_only_in_the_words_is_read_with_the_unit_of_the_words():
    (count,) = measured(None, 0, 0, "K/uL", "2.1").patient.observations
    assert (count.value, count.unit) == (2.1, "K/uL")
    assert measured(None, 0, 0, None, "2.1").outcome("measurement/1").reason == "no unit"


def test_a_value_only_in_the_words_has_the_unit_of_the_unit_concept():
    (count,) = measured(None, 0, 3, None, "<0.5").patient.observations
    assert (count.value, count.unit, count.comparator) == (0.5, "10*3/uL", "<")
    assert len(measured(None, 0, 3, "K/uL", "<0.5").patient.observations) == 1
    for text, word in (("/uL", "<500"), (None, "<500 /uL")):  # as sent, where the concept is that of converted values
        assert "contradicts" in measured(None, 0, 3, text, word).outcome("measurement/1").reason


def test_low_as_the_value_concept_of_a_count_is_a_low_count():
    assert leukoref.assess(measured(None, 20, 0, None, None).patient).status == "leukopenia"


def test_names_of_columns_in_capitals_are_the_same_names():
    connection = duckdb.connect()
    filled(lambda sql: connection.execute(sql.upper() if sql.startswith("CREATE") else sql))
    assert [reading.subject for reading in patients_from_omop(connection)] == ["10", "11", "12"]


@pytest.mark.parametrize("url", ["nosuch://user:secret@host/cdm", "://", "postgresql+nosuch://user:secret@host/cdm"])
def test_a_url_that_no_driver_serves_is_one_clear_error_without_its_password(url):
    pytest.importorskip("sqlalchemy")
    with pytest.raises(leukoref.InputError) as caught:
        patients_from_omop(url)
    assert "secret" not in str(caught.value)


def test_persons_are_chosen_by_whole_numbers():
    with pytest.raises(leukoref.InputError, match="persons"):
        patients_from_omop(duckdb.connect(), persons=["a"])

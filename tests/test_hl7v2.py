"""HL7 v2: results as laboratories send them, local codes, corrections, and what is no ORU^R01."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

import leukoref
from leukoref.interop.hl7v2 import LocalCodes, patient_from_hl7

pytest.importorskip("hl7", reason="needs python-hl7")
LAB = LocalCodes({("99LAB", "LEUK"): "LOINC:6690-2", ("", "NEUT"): "LOINC:751-8"}, {("", "NEUT"): "10*9/L"})


def obx(code="6690-2^Leukocytes^LN", value="2.1", unit="10*3/uL", status="F", kind="NM", time="", flag=""):
    return f"OBX|1|{kind}|{code}||{value}|{unit}|4.0-10.0|{flag}|||{status}|||{time}"


def message(*results, kind="ORU^R01^ORU_R01", control="42", sent="20260501120000", pid="123", order="F77"):
    segments = [
        f"MSH|^~\\&|LAB|HOSP|EHR|HOSP|{sent}+0200||{kind}|{control}|P|2.5.1",
        f"PID|1||{pid}^^^HOSP^MR||DOE^JANE||19800501|F",
        "PV1|1|I|WARD",
        f"OBR|1||{order}|58410-2^CBC panel^LN|||20260501110000+0200",
        *results,
    ]
    return "\r".join(segments) + "\r"


def values(reading):
    return {o.finding: o.present if o.value is None else o.value for o in reading.patient.observations}


def outcomes(reading):
    return [entry.outcome for entry in reading.entries if entry.reference.startswith("OBX")]


def test_a_result_is_read_with_unit_time_and_the_person():
    reading = patient_from_hl7(message(obx()))
    (count,) = reading.patient.observations
    assert (count.finding, count.value, count.unit, count.reference) == ("wbc", 2.1, "10*3/uL", "OBX/42.1.1")
    assert count.time == dt.datetime(2026, 5, 1, 9, tzinfo=dt.UTC)
    assert (reading.patient.sex, reading.patient.setting) == ("female", "inpatient")
    assert reading.patient.age == pytest.approx(46, abs=0.01)
    assert leukoref.assess(reading.patient).status == "leukopenia"


def test_local_codes_are_read_through_the_mapping_and_else_listed():
    results = obx("LEUK^Leukozyten^99LAB", unit="10*9/L"), obx("NEUT^Neutro^L", "0.4", "")
    assert values(patient_from_hl7(message(*results), mapping=LAB)) == {"wbc": 2.1, "anc": 0.4}
    assert [u.text for u in patient_from_hl7(message(obx("XQ1^Strange^L"))).unrecognized] == ["Strange"]


def test_the_mapping_is_a_csv_file(tmp_path):
    path = tmp_path / "codes.csv"
    path.write_text("system,code,to,unit\n99LAB,LEUK,LOINC:6690-2,10*9/L\n", "utf-8")
    assert values(patient_from_hl7(message(obx("LEUK^x^99LAB", unit="")), mapping=path)) == {"wbc": 2.1}


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "code,to\nLEUK,6690-2\n", "code,to\nA,LOINC:1\nA,LOINC:2\n"])
def test_a_broken_mapping_is_one_clear_error(tmp_path, text):
    path = tmp_path / "codes.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(leukoref.InputError, match=r"codes\.csv"):
        patient_from_hl7(message(obx()), mapping=path)


def test_the_alternate_identifier_serves_where_the_first_is_local():
    assert values(patient_from_hl7(message(obx("Q7^WBC^99LAB^6690-2^Leukocytes^LN")))) == {"wbc": 2.1}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("F", "used"), ("P", "used"), ("C", "used"), ("X", "rejected"), ("D", "rejected"), ("W", "rejected"),
     ("I", "rejected"), ("?", "rejected")],
)  # fmt: skip
def test_the_result_status_decides_whether_it_counts(status, outcome):
    assert outcomes(patient_from_hl7(message(obx(status=status)))) == [outcome]


def test_a_correction_replaces_the_result_it_corrects():
    first = message(obx(value="2.1"), control="1", sent="20260501120000")
    second = message(obx(value="7.1", status="C"), control="2", sent="20260501130000")
    reading = patient_from_hl7([first, second])
    assert values(reading) == {"wbc": 7.1}
    assert outcomes(reading) == ["not_relevant", "used"]
    assert values(patient_from_hl7(first + second)) == {"wbc": 7.1}


def test_a_result_sent_for_the_wrong_patient_is_taken_back():
    first = message(obx(), control="1", sent="20260501120000")
    second = message(obx(status="W"), control="2", sent="20260501130000")
    assert values(patient_from_hl7([first, second])) == {}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [("SN", "<^0.5", ("<", 0.5)), ("SN", "^2.1", (None, 2.1)), ("ST", "<0.5", ("<", 0.5)), ("NM", "2.1", (None, 2.1))],
)
def test_numbers_come_with_their_comparator(kind, value, expected):
    (count,) = patient_from_hl7(message(obx(kind=kind, value=value))).patient.observations
    assert (count.comparator, count.value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "unit"),
    [("SN", "^1^:^128", "10*3/uL"), ("ST", "clotted", "10*3/uL"), ("NM", "2.1~7.4", "10*3/uL"), ("NM", "2.1", ""),
     ("NM", "2.1", "mg/dL"), ("NM", "2100", "10*3/uL"), ("NM", "", "10*3/uL"), ("NM", "nan", "10*3/uL")],
)  # fmt: skip
def test_what_would_be_misread_is_rejected_with_its_reason(kind, value, unit):
    reading = patient_from_hl7(message(obx(kind=kind, value=value, unit=unit)))
    assert outcomes(reading) == ["rejected"]
    assert reading.entries[-1].reason


def test_a_time_that_cannot_be_read_rejects_the_result():
    assert outcomes(patient_from_hl7(message(obx(time="20261399")))) == ["rejected"]


def test_line_ends_and_transport_frames_do_not_matter():
    text = message(obx())
    for variant in (text.replace("\r", "\n"), text.replace("\r", "\r\n"), f"\x0b{text}\x1c\r", text.encode()):
        assert values(patient_from_hl7(variant)) == {"wbc": 2.1}


@pytest.mark.parametrize(
    "broken",
    ["", "hello", b"\xff\xfe", "MSH", "MSH|^~\\&|\r", message(kind="ADT^A01"), "PID|1||7\r", [], [3],
     message(obx()).replace("PID|", "ZID|"), [message(obx()), message(obx(), pid="124")]],
)  # fmt: skip
def test_what_is_no_result_message_of_one_patient_is_one_clear_error(broken):
    with pytest.raises(leukoref.InputError):
        patient_from_hl7(broken)


@given(noise=st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=60))
def test_no_text_in_a_result_stops_the_reading(noise):
    patient_from_hl7(message(obx(), f"OBX|2|{noise}"))


@given(count=st.integers(1, 4000), hour=st.integers(0, 9))
def test_a_number_survives_the_way_through_a_message(count, hour):
    stamp = f"202605010{hour}0000+0000"
    (found,) = patient_from_hl7(message(obx(value=f"{count / 100}", time=stamp))).patient.observations
    assert (found.value, found.unit) == (count / 100, "10*3/uL")
    assert found.time == dt.datetime(2026, 5, 1, hour, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "unit", "kind", "expected"),
    [
        ("2.1", "10^3/uL", "NM", 2100),  # ^ unescaped, as many send it
        ("2.1", "x10^3/uL^^L", "NM", 2100),
        ("2.1", r"10\S\3/uL", "NM", 2100),
        ("2.1", "^K/uL", "NM", 2100),
        ("2.1", "10*3/uL^thousand per microliter^UCUM", "NM", 2100),
        (".9", "10*3/uL", "NM", 900),
        ("2.", "10*3/uL", "FT", 2000),
        ("2.1 K/uL", "", "ST", 2100),
    ],
)
def test_numbers_and_units_as_feeds_write_them(value, unit, kind, expected):
    reading = patient_from_hl7(message(obx(value=value, unit=unit, kind=kind)))
    found = leukoref.findings.resolve(reading.patient, leukoref.load_knowledge())
    assert found.quantities["wbc"].low * 1000 == pytest.approx(expected)


@pytest.mark.parametrize("value", ["2.1 /uL", "2,1", "2.1 3.4", "2/3", "1:128", "2.1-3"])
def test_a_number_with_more_than_its_unit_is_no_number(value):
    assert outcomes(patient_from_hl7(message(obx(value=value, kind="ST")))) == ["rejected"]


@pytest.mark.parametrize(
    ("kind", "value", "state"),
    [
        ("CWE", "10828004^Positive^SCT", True),
        ("CE", "^Negative", False),
        ("CWE", "X^^L^260385009^Negative^SCT", False),
        ("CWE", "^^^^^^^^Not detected", False),
        ("ID", "Y", True),
        ("IS", "N", None),
        ("ST", "POSITIVE", True),
        ("ED", "^application^pdf^Base64^AAAA", None),
    ],
)
def test_answers_in_codes_and_words(kind, value, state):
    fever = obx("FEV^Fever^L", value, "", kind=kind)
    assert values(patient_from_hl7(message(fever))).get("fever") is state


def test_a_flag_among_several_speaks_where_there_is_no_number():
    assert values(patient_from_hl7(message(obx(value="", flag="A~LL^Critical^HL70078"))))["leukopenia"] is True


def test_times_without_an_offset_have_that_of_the_header():
    local = message(obx(time="20260501080000")).replace("+0200", "-0500")
    assert patient_from_hl7(local).patient.observations[0].time == dt.datetime(2026, 5, 1, 13, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("later", "same"), [("99^^^SSA^SS~123^^^HOSP^MR", True), ("123", True), ("123^^^OTHER^MR", False), ("99", False)]
)
def test_a_patient_is_known_by_any_identifier_of_its_authority(later, same):
    first = message(obx(time="20260430"), control="1", order="A")
    texts = [first, message(obx(), control="2", order="B").replace("123^^^HOSP^MR", later)]
    if same:
        reading = patient_from_hl7(texts)
        assert (len(reading.patient.observations), reading.subject) == (2, "123")
    else:
        with pytest.raises(leukoref.InputError, match="several patients"):
            patient_from_hl7(texts)


def test_a_batch_file_is_its_messages():
    batch = "FHS|^~\\&|LAB\rBHS|^~\\&|LAB\r" + message(obx()) + message(obx(value="1.9"), control="43", order="G")
    assert len(patient_from_hl7(batch + "BTS|2\rFTS|1\r").patient.observations) == 2


def test_escape_sequences_are_read_in_one_pass():
    strange = obx(r"XQ^A\T\B \E\T\E\ \H\now\N\ \X21\^L", "1", "")
    assert [u.text for u in patient_from_hl7(message(strange)).unrecognized] == [r"A&B \T\ now !"]

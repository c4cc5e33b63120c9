"""What is there outweighs a wider denial, in an assessment and in a frame alike, and is told."""

import polars as pl
import pytest

import leukoref
from leukoref.findings import resolve
from leukoref.patient import Patient

BASE = leukoref.load_knowledge()
COUNT = {"finding": "wbc", "value": 1.8, "unit": "10*9/L"}
PAIRS = [
    ("lymphadenopathy", "cervical lymphadenopathy"),
    ("autoimmunity", "rheumatoid arthritis"),
    ("known malignancy", "lymphoma"),
]


def patient(wide: str, narrow: str, *, narrow_first: bool = False) -> Patient:
    said = [{"finding": wide, "present": False}, {"finding": narrow, "present": True}]
    return Patient.parse({"age": "40 a", "observations": [COUNT, *(reversed(said) if narrow_first else said)]})


@pytest.mark.parametrize(("wide", "narrow"), PAIRS)
@pytest.mark.parametrize("narrow_first", [True, False])
def test_the_wider_finding_is_present_and_the_reader_is_told(wide: str, narrow: str, narrow_first: bool) -> None:
    said = patient(wide, narrow, narrow_first=narrow_first)
    known = resolve(said, BASE)
    assert known.presence[BASE.finding_names[wide]] is True
    told = f"{wide}: said to be absent, but {narrow} is there; taken as present"
    assert told in leukoref.assess(said).warnings


def test_the_other_narrower_findings_are_open_again() -> None:
    ready = leukoref.Assessor(BASE)
    states = ready.engine.infer(resolve(patient("lymphadenopathy", "cervical lymphadenopathy"), BASE)).presence
    assert states["lymphadenopathy"] is True
    assert "mediastinal_lymphadenopathy" not in states


@pytest.mark.parametrize(("wide", "narrow"), PAIRS)
def test_a_frame_hears_it_as_an_assessment_does(wide: str, narrow: str) -> None:
    expected = leukoref.assess(patient(wide, narrow)).candidates
    rows = [{"patient": 1, "age": 40.0, "finding": "wbc", "value": 1.8, "unit": "10*9/L", "present": None}]
    rows += [
        {"patient": 1, "age": 40.0, "finding": name, "value": None, "unit": None, "present": state}
        for name, state in ((wide, False), (narrow, True))
    ]
    wide_row = {"patient": [1], "age": [40.0], "wbc": [1.8], wide: [False], narrow: [True]}
    for frame in (pl.DataFrame(rows, infer_schema_length=None), pl.DataFrame(wide_row)):
        answer = leukoref.screen(frame, top=5).row(0, named=True)
        for place, candidate in enumerate(expected[:5], 1):
            assert answer[f"cause_{place}"] == candidate.cause
            assert answer[f"score_{place}"] == pytest.approx(candidate.score, abs=1e-6)

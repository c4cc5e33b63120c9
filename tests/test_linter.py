"""What the linter says of faulty rule files: each test writes the offending rule and reads the complaint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sound_base import (
    CAUSE,
    CAUSE_FILE,
    DERIVED,
    FINDINGS,
    PRIORS,
    RED_FLAG,
    SOUND,
    line_of,
    lint_with,
    only,
    replaced,
    write,
)

from leukoref.knowledge.checks import CHECKS
from leukoref.knowledge.checks.weights import PARAMETERS
from leukoref.knowledge.linter import described, lint
from leukoref.knowledge.loader import packaged_rules

linted = pytest.fixture(lint_with)


def test_a_sound_base_gets_no_complaint(linted):
    assert linted() == []


def test_all_complaints_are_reported_at_once_each_with_its_line(linted):
    broken = replaced(CAUSE, "source: smith-2020\n", "source: nobody-1999\n")
    broken = replaced(broken, "mimics: [hypersplenism]", "mimics: [measles]")
    priors = replaced(PRIORS, "tier: rare", "tier: often")
    found = linted({CAUSE_FILE: broken, "priors.yaml": priors})
    assert [(c.check, c.line) for c in found] == [
        ("unknown_source", line_of(broken, "nobody-1999")),
        ("unknown_cause", line_of(broken, "measles")),
        ("wrong_prior", line_of(priors, "often")),
    ]
    assert all(c.file and c.rule and c.message and c.remedy for c in found)


# -- form -------------------------------------------------------------------------------------------


def test_broken_yaml_is_reported_with_its_line(linted):
    found = linted({"drugs/antithyroid.yaml": "drugs:\n  - id: [methimazole\n  - name: x\n"})
    complaint = only(found, "yaml")
    assert complaint.file == "drugs/antithyroid.yaml"
    assert complaint.line in (2, 3)


def test_a_misspelt_key_is_reported_with_its_line_and_the_keys_there_are(linted):
    text = replaced(CAUSE, "    bins:", "    bin:")
    complaint = only([c for c in linted({CAUSE_FILE: text}) if c.check == "form"], "form")
    assert complaint.line == line_of(text, "    bin:")
    assert complaint.message == "statements.anc_low.bin: unknown key"
    assert complaint.remedy.startswith("check the spelling; a statement has id, finding, bins, ")


def test_a_missing_source_is_reported_where_the_statement_stands(linted):
    text = replaced(CAUSE, "    source: smith-2020\n", "")
    complaint = next(c for c in linted({CAUSE_FILE: text}) if c.check == "form")
    assert complaint.line == line_of(text, "id: anc_low")
    assert complaint.rule == "hypersplenism"


@pytest.mark.parametrize(
    ("frequency", "message", "remedy"),
    [
        ("0.66", "frequency: a mapping is expected",
         "write {n: 38, of: 40}, or {proportion: 0.66, of: N} with the number of patients"),
        ("{proportion: 66}", "frequency.proportion: Input should be less than or equal to 1", "write 0.66 for 66 %"),
        ("{proportion: 66 %}", "frequency.proportion: a number is expected", "write 0.66 for 66 %"),
        ('{proportion: "0,66"}', "frequency.proportion: a number is expected", "write 0.66 for 66 %"),
        ("{n: 1.5, of: 41}", "frequency.n: a whole number is expected", "a share is a `proportion`"),
        ("{term: often}", "frequency.term: 'obligate', 'very_frequent', ", ""),
        ("{proportions: 0.66}", "frequency.proportions: unknown key", "a frequency has n, of, proportion, term"),
    ],
)  # fmt: skip
def test_a_figure_in_the_wrong_form_is_reported_with_the_right_one(linted, frequency, message, remedy):
    text = replaced(CAUSE, "frequency: {n: 40, of: 41}", f"frequency: {frequency}")
    complaint = next(c for c in linted({CAUSE_FILE: text}) if c.check == "form")
    assert complaint.message.startswith(f"statements.splenomegaly.{message}")
    assert complaint.remedy.endswith(remedy)
    assert complaint.line == line_of(text, "id: splenomegaly, finding")


def test_what_cites_a_file_that_is_not_yaml_does_not_complain_as_well(linted):
    assert {complaint.check for complaint in linted({CAUSE_FILE: "id: [x\n"})} == {"yaml"}


def test_a_value_that_only_looks_like_a_date_is_reported_with_its_line(linted):
    text = replaced(CAUSE, "2026-11-22", "2026-13-45")
    complaint = only(linted({CAUSE_FILE: text}), "yaml")
    assert (complaint.line, complaint.message) == (
        line_of(text, "2026-13-45"), "'2026-13-45' cannot be read: month must be in 1..12",
    )  # fmt: skip


@pytest.mark.parametrize("drugs", ["5", "methimazole", "{id: methimazole, name: thiamazole}"])
def test_what_is_no_list_where_one_belongs_is_reported(linted, drugs):
    found = linted({"drugs/antithyroid.yaml": f"# ours\ndrugs: {drugs}\n"})
    complaint = next(c for c in found if c.check == "layout")
    assert (complaint.line, complaint.message) == (2, "drugs: a list is expected")


@pytest.mark.parametrize("text", ["aliases: 5\n", "aliases: {10*9/L: Gpt}\n", "aliases: {10*9/L: 5}\n", "- 10*9/L\n"])
def test_units_that_are_no_lists_of_spellings_are_reported(linted, text):
    assert {complaint.file for complaint in linted({"units.yaml": text})} == {"units.yaml"}


@pytest.mark.parametrize("name", ["red_flags/mine.yml", "red_flags/mine.YAML"])
def test_a_file_that_is_not_read_for_its_ending_is_reported(linted, name):
    complaint = only(linted({name: RED_FLAG}), "layout")
    assert (complaint.file, complaint.remedy) == (name, "name it mine.yaml")


def test_hidden_files_are_no_rules(linted):
    assert linted({".github/ci.yml": "on: push\n", "red_flags/._mine.yaml": "x"}) == []


def test_a_key_written_twice_is_reported_because_yaml_keeps_only_one(linted):
    text = replaced(CAUSE, "anc: [0.05, 0.55, 0.4]", "anc: [0.05, 0.55, 0.4], anc: [0.1, 0.5, 0.4]")
    assert only(linted({CAUSE_FILE: text}), "duplicate_key").line == line_of(text, "0.55")


def test_a_file_that_is_not_utf_8_is_reported(tmp_path):
    write(tmp_path, SOUND)
    (tmp_path / "drugs" / "antithyroid.yaml").write_bytes(b"drugs: [\xff]")
    assert only(lint([tmp_path]), "yaml").message == "not UTF-8 text"


def test_a_file_without_a_place_in_the_base_is_reported(linted):
    assert "causes" in only(linted({"notes/todo.yaml": "a: 1\n"}), "layout").remedy


def test_a_file_that_holds_a_list_is_reported(linted):
    found = linted({"drugs/antithyroid.yaml": "- id: methimazole\n"})
    assert only(found, "layout").message == "a mapping is expected"


def test_a_missing_file_of_the_base_is_reported(linted):
    assert {c.file for c in linted({"tests.yaml": ""}) if c.check == "missing_file"} == {"tests.yaml"}


def test_a_folder_that_does_not_exist_is_one_complaint(tmp_path):
    assert only(lint([tmp_path / "nowhere"]), "layout").message == "no such folder of rules"


# -- ids and names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [
        (CAUSE_FILE, "finding: massive_splenomegaly, freq", "finding: massive_splenomegalie, freq", "unknown_finding"),
        (CAUSE_FILE, "when: {finding: splenomegaly", "when: {finding: spleenomegaly", "unknown_finding"),
        ("drugs/antithyroid.yaml", "synonyms: [Tapazole]", "exposures: [culprit_drug]", "unknown_finding"),
        (CAUSE_FILE, "diagnosis: [massive_splenomegaly]", "diagnosis: [spleen]", "unknown_finding"),
        ("findings/counts.yaml", "is_a: [splenomegaly]", "is_a: [spleen]", "unknown_finding"),
        ("findings/counts.yaml", "is_a: [splenomegaly]",
         "is_a: [splenomegaly], absent_denies: [spleen]", "unknown_finding"),
        ("findings/counts.yaml", "is_a: [splenomegaly]", "is_a: [splenomegaly], if_present: spleen", "unknown_finding"),
        ("findings/counts.yaml", "is_a: [splenomegaly]",
         "is_a: [splenomegaly], earlier_absent: spleen", "unknown_finding"),
        ("findings/counts.yaml", "test: examination, core", "test: exam, core", "unknown_test"),
        (CAUSE_FILE, "expect: {above: hypersplenism}", "expect: {above: lupus}", "unknown_cause"),
        ("priors.yaml", "{hypersplenism: ", "{gout: {tier: rare}, hypersplenism: ", "unknown_cause"),
        ("base.yaml", "mechanisms: {spleen", "mechanisms: {spleens", "unknown_mechanism"),
        ("red_flags/severe_neutropenia.yaml", "key: smith-2020", "key: smith-2002", "unknown_source"),
    ],
)  # fmt: skip
def test_an_id_that_nothing_defines_is_reported_with_its_line(linted, file, old, new, check):
    text = replaced(SOUND[file], old, new)
    complaint = only(linted({file: text}), check)
    assert (complaint.file, complaint.line) == (
        (file, line_of(text, new)) if check != "unknown_mechanism" else (CAUSE_FILE, line_of(CAUSE, "mechanisms"))
    )


def test_a_near_miss_of_an_id_is_offered(linted):
    text = replaced(CAUSE, "finding: massive_splenomegaly, freq", "finding: massive_splenomegalie, freq")
    assert only(linted({CAUSE_FILE: text}), "unknown_finding").remedy == "did you mean massive_splenomegaly?"


@pytest.mark.parametrize(
    ("group", "check", "message"),
    [
        (
            'role: name, words: [pond], implies: {"": [splenomegali]}',
            "unknown_finding",
            "unknown finding 'splenomegali'",
        ),
        ("role: name, words: [pond], denies: [splenomegali]", "unknown_finding", "unknown finding 'splenomegali'"),
        ("role: test, words: [scan], findings: [splenomegali]", "unknown_finding", "unknown finding 'splenomegali'"),
        ("role: place, words: [in], as: travel", "unknown_finding", "unknown finding 'travel'"),
        (
            "role: qualifier, words: [big], implies: {spleen: [splenomegaly]}",
            "unknown_finding",
            "unknown finding 'spleen'",
        ),
        ("role: view, words: [film], tests: [ct]", "unknown_test", "unknown test 'ct'"),
        ("role: pattern, words: [sites qualifier]", "unknown_kind", "unknown kind 'sites'"),
        (
            "role: qualifier, words: [oedema, edemas]",
            "repeated_word",
            "'edemas' is read as 'oedema', which stands there already",
        ),
    ],
)
def test_what_a_group_of_names_says_of_something_unknown_is_reported(linted, group, check, message):
    kind = "  - {id: kind_site, role: kind, as: site, words: [spleen]}\n"
    complaint = only(linted({"names/ours.yaml": f"names:\n{kind}  - {{id: ours, {group}}}\n"}), check)
    assert (complaint.line, complaint.rule, complaint.message) == (3, "ours", message)


def test_names_that_speak_of_what_is_known_pass(linted):
    names = """\
names:
  - {id: kind_site, role: kind, as: site, words: [spleen]}
  - {id: nodes, role: pattern, words: [site measured], beside: [qualifier], implies: {"": [splenomegaly]}}
  - {id: flat, role: name, words: [flat belly], denies: [splenomegaly]}
"""
    assert linted({"names/ours.yaml": names}) == []


def test_an_id_defined_twice_is_reported_with_the_first_place(linted):
    text = "drugs:\n  - {id: methimazole, name: thiamazole}\n"
    complaint = only(linted({"drugs/zz.yaml": text}), "duplicate_id")
    assert (complaint.line, "drugs/antithyroid.yaml:2" in complaint.message) == (2, True)


def test_a_statement_id_used_twice_is_reported(linted):
    text = replaced(CAUSE, "{id: b,", "{id: a,")
    assert only(linted({CAUSE_FILE: text}), "duplicate_statement_id").line == line_of(text, "qualitative: supports")


def test_two_findings_that_share_a_name_after_normalising_are_reported(linted):
    text = replaced(FINDINGS, "[enlarged spleen]", "[enlarged spleen, Massive  Splenomegaly]")
    found = linted({"findings/counts.yaml": text})
    assert {(c.check, c.rule) for c in found} == {("shared_name", "massive_splenomegaly")}


@pytest.mark.parametrize("name", ["African American", "Black race", "ethnicity", "Yemenite ancestry"])
def test_race_as_an_input_is_an_error(linted, name):
    text = replaced(FINDINGS, "[enlarged spleen]", f"[enlarged spleen, {name}]")
    assert only(linted({"findings/counts.yaml": text}), "race_as_input").severity == "error"


@pytest.mark.parametrize(
    "name", ["black stools", "white cell count raised", "racing heart", "suspected benign ethnic neutropenia"]
)
def test_names_that_mean_no_race_are_let_through(linted, name):
    assert linted({"findings/counts.yaml": replaced(FINDINGS, "[enlarged spleen]", f"[{name}, enlarged spleen]")}) == []


def test_a_cause_in_the_wrong_folder_or_file_is_reported(linted):
    found = linted({CAUSE_FILE: "", "causes/marrow/spleen.yaml": CAUSE})
    assert [c.check for c in found] == ["misplaced_file", "misplaced_file"]


# -- conditions -------------------------------------------------------------------------------------


def derived(when: str) -> dict[str, str]:
    """The sound base with one more derived rule, about a finding of its own."""
    extra = f"  - {{finding: probe, when: {when}, reason: r, source: smith-2020}}\n"
    finding = "  - {id: probe, name: probe, kind: presence, test: examination, is_a: [low_white_cell_count]}\nscales:"
    return {"derived/counts.yaml": DERIVED + extra, "findings/counts.yaml": FINDINGS.replace("scales:", finding)}


@pytest.mark.parametrize(
    ("when", "check"),
    [
        ("{finding: anc, below: 1, unit: g/L}", "wrong_unit"),
        ("{finding: anc, below: 1, unit: furlongs}", "wrong_unit"),
        ("{finding: anc}", "wrong_question"),
        ("{finding: splenomegaly, above: 1, unit: cm}", "wrong_question"),
    ],
)
def test_a_question_that_a_finding_cannot_answer_is_reported(linted, when, check):
    files = derived(when)
    found = [c for c in linted(files) if c.check in ("wrong_unit", "wrong_question")]
    assert only(found, check).line == line_of(files["derived/counts.yaml"], "probe")


@pytest.mark.parametrize(
    "when",
    [
        "{all: [{finding: anc, below: 0.5, unit: 10*9/L}, {finding: anc, above: 1, unit: 10*9/L}]}",
        "{all: [{finding: anc, below: 500, unit: 10*6/L}, {finding: anc, at_least: 0.5, unit: 10*9/L}]}",
        "{finding: anc, below: 0, unit: 10*9/L}",
        "{all: [{finding: splenomegaly}, {not: {finding: splenomegaly}}]}",
        "{all: [{finding: massive_splenomegaly}, {finding: splenomegaly, state: absent}]}",
        "{all: [{finding: anc, below: reference}, {finding: anc, above: reference}]}",
    ],
)
def test_a_condition_that_can_never_hold_is_reported(linted, when):
    assert "never hold" in only(linted(derived(when)), "unreachable").message


@pytest.mark.parametrize(("unit", "complaints"), [("m", []), ("furlong", ["wrong_unit"])])
def test_the_unit_of_a_quantity_is_one_of_ucum(linted, unit, complaints):
    quantity = (
        f"{{id: span, name: span, kind: quantity, test: examination, unit: {unit}, plausible: {{low: 0, high: 3}}}}"
    )
    found = linted({"findings/ours.yaml": f"findings: [{quantity}]"})
    assert [complaint.check for complaint in found] == complaints


def test_a_condition_with_one_dead_alternative_is_a_warning(linted):
    when = "{any: [{finding: anc, below: 0, unit: 10*9/L}, {finding: splenomegaly}]}"
    assert only(linted(derived(when)), "unreachable").severity == "warning"


def test_a_condition_that_can_hold_passes(linted):
    when = "{all: [{finding: anc, at_least: 0.5, unit: 10*9/L}, {finding: anc, at_most: 0.5, unit: 10*9/L}]}"
    assert linted(derived(when)) == []


def test_a_threshold_without_a_source_is_reported(linted):
    files = derived("{finding: anc, below: 1, unit: 10*9/L}")
    files["derived/counts.yaml"] = files["derived/counts.yaml"].replace(", source: smith-2020}", "}")
    assert only(linted(files), "threshold_without_source").rule == "probe"


def test_a_finding_that_follows_from_itself_is_reported(linted):
    assert "probe -> " in only(linted(derived("{finding: probe}")), "circular").message


def test_two_rules_that_derive_each_other_are_a_circle(linted):
    files = derived("{finding: neutropenia}")
    files["derived/counts.yaml"] += "  - {finding: neutropenia, when: {finding: probe}, reason: r}\n"
    assert "probe" in next(c for c in linted(files) if c.check == "circular").message


def test_a_definition_whose_parts_are_also_its_parents_is_no_circle(linted):
    assert linted(derived("{all: [{finding: low_white_cell_count}, {finding: splenomegaly}]}")) == []


def test_findings_that_are_each_other_are_a_circle(linted):
    text = replaced(FINDINGS, "core: true}", "core: true, is_a: [massive_splenomegaly]}")
    assert "circular" in {c.check for c in linted({"findings/counts.yaml": text})}


def test_a_derived_finding_that_nobody_asks_for_is_a_warning(linted):
    files = derived("{finding: splenomegaly}")
    files["findings/counts.yaml"] = files["findings/counts.yaml"].replace(", is_a: [low_white_cell_count]", "")
    complaint = only(linted(files), "unused_derived")
    assert (complaint.rule, complaint.severity) == ("probe", "warning")


# -- layers, the packaged base ------------------------------------------------------------------------


def test_a_sites_own_rule_replaces_its_namesake_and_complaints_name_the_sites_file(tmp_path):
    base = write(tmp_path / "base", SOUND)
    wrong = replaced(RED_FLAG, "below: 0.5, unit: 10*9/L", "below: 0.5, unit: kg")
    site = write(tmp_path / "local_rules", {"red_flags/severe_neutropenia.yaml": wrong})
    assert only(lint([base, site]), "wrong_unit").file == "local_rules/red_flags/severe_neutropenia.yaml"


def test_a_sites_folder_alone_is_read_over_the_packaged_base(tmp_path):
    site = write(tmp_path / "local_rules", {"red_flags/mine.yaml": RED_FLAG.replace("severe_neutropenia", "mine", 1)})
    found = [c for c in lint([site]) if c.file.startswith("local_rules/")]
    assert [c.check for c in found] == ["unknown_source"]


def test_the_packaged_base_has_no_errors():
    assert [str(c) for c in lint([packaged_rules()]) if c.severity == "error"] == []


def test_every_check_says_in_one_line_what_it_looks_for():
    assert set(described()) == set(CHECKS)
    assert all(text.endswith(".") for text in described().values())


def test_the_linter_knows_every_parameter_that_the_code_reads():
    package = Path(__file__).parent.parent / "leukoref"
    code = "".join(path.read_text("utf-8") for path in package.rglob("*.py"))
    assert set(re.findall(r'\.parameter\("(\w+)"\)', code)) <= set(PARAMETERS)

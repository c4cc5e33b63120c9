"""Forward chaining: Kleene logic, order, isolation between patients, and the traps of durable-rules."""

from __future__ import annotations

import os
import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import leukoref
from leukoref.assessor import Assessor
from leukoref.engine.durable import DurableEngine, Inference
from leukoref.engine.program import compile_rules
from leukoref.errors import EngineError, KnowledgeError
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import All, AnyOf, Atom, Comparison, Not, alternatives, mirror
from leukoref.known import Findings, Quantity
from leukoref.patient import Patient


def facts(presence: dict[str, bool] | None = None, **quantities: float) -> Findings:
    measured = {name: Quantity(value, value, str(value)) for name, value in quantities.items()}
    return Findings(presence=presence or {}, quantities=measured)


def with_rules(base: Knowledge, derived: list[dict[str, object]]) -> DurableEngine:
    """The packaged vocabulary with only these derived rules."""
    from leukoref.knowledge.vocabulary import Derived

    rules = tuple(Derived.model_validate({"reason": "for this test", **entry}) for entry in derived)
    return DurableEngine(base.model_copy(update={"derived": rules, "causes": (), "red_flags": ()}))


# -- Kleene logic ------------------------------------------------------------------------------------------

CONDITION = st.recursive(
    st.builds(Comparison, finding=st.sampled_from(["a", "b", "c", "d"]), state=st.sampled_from(["present", "absent"])),
    lambda inner: st.one_of(
        st.builds(All, all=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, any=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        inner.map(lambda condition: Not(**{"not": condition})),
    ),
    max_leaves=5,
)


def kleene(condition: object, states: dict[str, bool]) -> bool | None:
    """The definition, written out: present, absent or unknown."""
    if isinstance(condition, Comparison):
        state = states.get(condition.finding)
        return None if state is None else state is (condition.state == "present")
    if isinstance(condition, Not):
        value = kleene(condition.not_, states)
        return None if value is None else not value
    assert isinstance(condition, (All, AnyOf))
    decisive = isinstance(condition, AnyOf)
    values = [kleene(part, states) for part in (condition.any if isinstance(condition, AnyOf) else condition.all)]
    if decisive in values:
        return decisive
    return None if None in values else not decisive


@given(CONDITION, st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.booleans()))
def test_the_compiled_alternatives_are_kleene_logic(condition: object, states: dict[str, bool]) -> None:
    def holds(wanted: bool) -> bool:
        clauses = alternatives(condition, wanted, lambda _: (1.0, 0.0))  # type: ignore[arg-type]
        return any(all(states.get(a.finding) is (a.test == "present") for a in clause) for clause in clauses)

    expected = kleene(condition, states)
    assert holds(True) is (expected is True)
    assert holds(False) is (expected is False)


def test_the_mirror_of_a_limit_is_its_other_side() -> None:
    assert mirror(Atom("anc", "lt", 0.5)) == Atom("anc", "ge", 0.5)
    assert mirror(mirror(Atom("anc", "le", 0.5))) == Atom("anc", "le", 0.5)


def test_one_clause_may_ask_a_finding_twice(base: Knowledge) -> None:
    """durable-rules lets a fact match one pattern of a rule only, so both limits go into one pattern."""
    band = {
        "all": [
            {"finding": "anc", "at_least": 0.5, "unit": "10*9/L"},
            {"finding": "anc", "below": 1.0, "unit": "10*9/L"},
        ]
    }
    engine = with_rules(base, [{"finding": "pallor", "when": band}])
    assert [engine.infer(facts(anc=value)).presence["pallor"] for value in (0.4, 0.7, 1.0)] == [False, True, False]


def test_a_value_that_meets_one_of_two_limits_is_no_error(base: Knowledge) -> None:
    """Nor is a condition that asks a finding to be both present and absent: it never holds."""
    band = [{"finding": "anc", "at_least": 0.5, "unit": "10*9/L"}, {"finding": "anc", "below": 1.0, "unit": "10*9/L"}]
    never = [{"finding": "fever", "state": "present"}, {"finding": "fever", "state": "absent"}]
    rules = [{"finding": "pallor", "when": {"all": band}, "complete": False},
             {"finding": "fatigue", "when": {"all": never}, "complete": False}]  # fmt: skip
    engine = with_rules(base, rules)  # type: ignore[arg-type]
    found = engine.infer(facts({"fever": True}, anc=1.5)).presence
    assert "pallor" not in found
    assert "fatigue" not in found


def test_unknown_never_counts_as_absent(base: Knowledge) -> None:
    engine = with_rules(base, [{"finding": "pallor", "when": {"not": {"finding": "fever"}}}])
    assert "pallor" not in engine.infer(facts()).presence
    assert engine.infer(facts({"fever": False})).presence["pallor"] is True
    assert engine.infer(facts({"fever": True})).presence["pallor"] is False


def test_a_rule_that_can_only_show_presence_never_denies(base: Knowledge) -> None:
    engine = with_rules(base, [{"finding": "pallor", "when": {"finding": "fever"}, "complete": False}])
    assert "pallor" not in engine.infer(facts({"fever": False})).presence


def test_what_was_observed_is_never_contradicted_by_a_rule(base: Knowledge) -> None:
    engine = with_rules(base, [{"finding": "pallor", "when": {"finding": "fever"}}])
    assert engine.infer(facts({"fever": True, "pallor": False})).presence["pallor"] is False


def test_a_finding_for_which_both_states_follow_is_unknown_and_reported(base: Knowledge) -> None:
    rules = [{"finding": "pallor", "when": {"finding": "fever"}, "complete": False},
             {"finding": "anemia", "when": {"finding": "chills"}, "complete": False}]  # fmt: skip
    engine = with_rules(base, rules)
    parent, child = next((f.is_a[0], f.id) for f in base.findings if f.is_a)
    result = engine.infer(facts({child: True, parent: False}))
    assert result.presence[child] is True
    assert result.presence[parent] is False


def test_a_criterion_over_findings_that_contradict_each_other_is_unknown(base: Knowledge) -> None:
    from leukoref.knowledge.cause import Statement
    from leukoref.knowledge.vocabulary import Derived

    parent, child = "lymphadenopathy", "cervical_lymphadenopathy"
    rules = ({"finding": child, "when": {"finding": "fever"}, "complete": False},
             {"finding": parent, "when": {"finding": "chills"}})  # fmt: skip
    needs = Statement.model_validate({"id": "needs", "criterion": "requires", "when": {"finding": parent},
                                      "source": "none", "seen": "abstract", "reason": "for this test"})  # fmt: skip
    cause = base.causes[0].model_copy(update={"statements": (needs,), "variants": ()})
    derived = tuple(Derived.model_validate({"reason": "for this test", **rule}) for rule in rules)
    engine = DurableEngine(base.model_copy(update={"derived": derived, "causes": (cause,), "red_flags": ()}))
    result = engine.infer(facts({"fever": True, "chills": False}))
    assert parent in result.conflicts
    assert result.criteria == {}


@pytest.mark.parametrize(("anc", "severe"), [(0.499, True), (0.5, False), (0.501, False)])
def test_a_limit_is_sharp(ready: Assessor, anc: float, severe: bool) -> None:
    assert ready.engine.infer(facts(anc=anc, age=40)).presence["severe_neutropenia"] is severe


def test_rules_chain_over_several_steps(base: Knowledge) -> None:
    names = [finding.id for finding in base.findings if finding.kind == "presence" and not finding.is_a][:8]
    steps = [{"finding": b, "when": {"finding": a}} for a, b in pairwise(names)]
    result = with_rules(base, steps).infer(facts({names[0]: True}))
    assert all(result.presence[name] for name in names)
    assert result.derived == set(names[1:])


def test_a_finding_that_very_many_rules_ask_for_still_reaches_all_of_them(base: Knowledge) -> None:
    """durable-rules refuses a fact that more than 64 conditions match (error 303)."""
    others = [f.id for f in base.findings if f.kind == "presence" and f.id != "fever" and not f.is_a][:150]
    engine = with_rules(base, [{"finding": name, "when": {"finding": "fever"}} for name in others])
    assert all(engine.infer(facts({"fever": True})).presence[name] for name in others)


def test_rules_may_ask_for_more_findings_than_a_field_has_places_for(base: Knowledge) -> None:
    """durable-rules never returns when one field is told apart from a 512th value."""
    names = [finding.id for finding in base.findings if finding.kind == "presence"]
    pairs = list(zip(names[:800], names[800:1600], strict=True))
    engine = with_rules(base, [{"finding": then, "when": {"finding": name}} for name, then in pairs])
    for name, then in (pairs[0], pairs[450], pairs[-1]):
        assert engine.infer(facts({name: True})).presence[then] is True


def test_more_rules_than_the_engine_holds_are_refused_in_words(base: Knowledge) -> None:
    names = [finding.id for finding in base.findings if finding.kind == "presence"]
    rules = [{"finding": then, "when": {"finding": name}} for name in names[:5] for then in names[5:1200]]
    with pytest.raises(KnowledgeError, match=r"durable-rules refuses .* merge conditions"):
        with_rules(base, rules)


def test_a_long_condition_is_split_into_parts(base: Knowledge) -> None:
    pairs = [
        {"any": [{"finding": "fever"}, {"finding": name}]}
        for name in ("pallor", "chills", "cough", "rash", "jaundice", "edema")
    ]
    engine = with_rules(base, [{"finding": "fatigue", "when": {"all": pairs}}])
    assert engine.infer(facts({"fever": True})).presence["fatigue"] is True
    absent = dict.fromkeys(("fever", "pallor"), False)
    assert engine.infer(facts(absent)).presence["fatigue"] is False
    assert "fatigue" not in engine.infer(facts({"fever": False})).presence


# -- durable-rules ------------------------------------------------------------------------------------------


def colliding_ids() -> tuple[str, str]:
    """Two patient ids with the same 32-bit FNV-1 hash, by which durable-rules keeps its sessions apart."""

    def fnv1(text: str) -> int:
        value = 2166136261
        for byte in text.encode():
            value = ((value * 16777619) & 0xFFFFFFFF) ^ byte
        return value

    draw, seen = random.Random(1), dict[int, str]()
    while True:
        name = str(uuid.UUID(int=draw.getrandbits(128)))
        other = seen.setdefault(fnv1(name), name)
        if other != name:
            return other, name


def test_two_colliding_patient_ids_never_share_findings(ready: Assessor) -> None:
    """Session ids are our own numbers, so that ids whose hashes collide cannot mix two patients."""
    first, second = colliding_ids()
    sick = {"age": "40 a", "observations": [{"finding": "anc", "value": 0.1, "unit": "10*9/L", "reference": first}]}
    well = {"age": "40 a", "observations": [{"finding": "wbc", "value": 7, "unit": "10*9/L", "reference": second},
                                            {"finding": "anc", "value": 4, "unit": "10*9/L", "reference": second},
                                            {"finding": "alc", "value": 2, "unit": "10*9/L", "reference": second}]}  # fmt: skip  # noqa: E501
    assert ready.assess(sick).status == "leukopenia"
    assert ready.assess(well).status == "no_leukopenia"
    assert not ready.assess(well).red_flags


def test_nothing_of_a_patient_stays_in_the_engine(ready: Assessor) -> None:
    from durable_rules_engine import error

    ready.assess({"observations": [{"finding": "anc", "value": 0.1, "unit": "10*9/L"}]})
    with pytest.raises((error, Exception)):
        ready.engine._host.get_facts("leukoref", str(ready.engine._sessions))


def test_a_failing_action_is_raised_and_leaves_the_engine_usable(
    base: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leukoref.engine import durable

    engine = DurableEngine(base)
    with monkeypatch.context() as patched:
        patched.setattr(durable._Session, "conclude", lambda *_: 1 / 0)
        with pytest.raises(EngineError):
            engine.infer(facts(anc=0.1, age=40))
    assert engine.infer(facts(anc=0.1, age=40)).presence["severe_neutropenia"] is True


def test_a_patient_of_whom_nothing_follows_leaves_the_engine_sound(base: Knowledge) -> None:
    """durable-rules corrupts its memory when a session is deleted in which no action ever ran."""
    engine = DurableEngine(base)
    for patient in ({}, {"age": "0 d"}, {"sex": "male"}, {"age": "40 a"}) * 50:
        engine.infer(resolve(Patient.parse(patient), base))
    assert engine.infer(facts(anc=0.1, age=40)).presence["severe_neutropenia"] is True


@pytest.mark.parametrize("anc", [1e-05, 1e-07, 5e-324, 0.0])
def test_a_very_small_count_is_read_as_one(ready: Assessor, anc: float) -> None:
    """durable-rules misreads a number whose JSON has an exponent and no point."""
    assert ready.engine.infer(facts(anc=anc, age=40)).presence["severe_neutropenia"] is True


def test_the_engine_starts_no_thread_of_its_own(base: Knowledge) -> None:
    before = threading.active_count()
    DurableEngine(base).infer(facts(anc=0.1))
    assert threading.active_count() == before


def test_eight_threads_give_the_answers_of_one(ready: Assessor, case_files: list[Path]) -> None:
    patients = [Patient.from_file(path) for path in case_files]
    alone = [ready.assess(patient).to_json() for patient in patients]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda patient: ready.assess(patient).to_json(), patients))
    assert together == alone


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_gets_an_engine_of_its_own(ready: Assessor) -> None:
    ready.engine.infer(facts(anc=0.1, age=40))
    child = os.fork()
    if child == 0:
        os._exit(0 if ready.engine.infer(facts(anc=0.1, age=40)).presence.get("severe_neutropenia") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# -- agreement with a plain reading of the same rules -----------------------------------------------------


def plain(base: Knowledge, known: Findings) -> Inference:
    """The same rules read by a loop until nothing is new: slow, obvious, and independent of the engine."""
    from leukoref.engine.durable import satisfied

    literals = {(name, state) for name, state in known.presence.items()}
    result = Inference()

    def allowed(name: str, state: bool) -> bool:
        return known.presence.get(name, state) is state

    def atom_holds(atom: Atom) -> bool:
        if atom.test in ("present", "absent"):
            return (atom.finding, atom.test == "present") in literals
        quantity = known.quantities.get(atom.finding)
        return quantity is not None and satisfied(atom, quantity)

    rules = compile_rules(base)
    size = -1
    while size != len(literals):
        size = len(literals)
        for name, state in list(literals):
            for other in (base.ancestors if state else base.denied).get(name, ()):
                if allowed(other, state):
                    literals.add((other, state))
        for rule in rules:
            for state, clauses in ((True, rule.present), (False, rule.absent)):
                if any(all(atom_holds(atom) for atom in clause) for clause in clauses):
                    if rule.kind == "finding":
                        relatives = (base.ancestors if state else base.denied).get(rule.target, ())
                        literals |= {(name, state) for name in (rule.target, *relatives) if allowed(name, state)}
                    elif rule.kind == "criterion":
                        result.criteria[(rule.target, rule.index)] = state
                    elif rule.kind == "red_flag":
                        result.red_flags.add(rule.target)
    result.presence = {name: state for name, state in literals if (name, not state) not in literals}
    return result


def test_the_engine_agrees_with_a_plain_reading_of_the_rules_on_every_case(
    base: Knowledge, ready: Assessor, case_files: list[Path]
) -> None:
    for path in case_files:
        known = resolve(Patient.from_file(path), base)
        ours, theirs = ready.engine.infer(known), plain(base, known)
        assert ours.presence == theirs.presence, path.name
        assert ours.criteria == theirs.criteria, path.name
        assert ours.red_flags == theirs.red_flags, path.name


@given(data=st.data())
def test_the_order_of_observations_never_matters(ready: Assessor, case_files: list[Path], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(case_files))
    patient = Patient.from_file(path)
    shuffled = patient.model_copy(update={"observations": tuple(data.draw(st.permutations(patient.observations)))})
    assert ready.assess(shuffled).to_json() == ready.assess(patient).to_json()


def test_the_same_input_gives_the_same_bytes(case_files: list[Path]) -> None:
    for path in case_files[:10]:
        patient = Patient.from_file(path)
        assert leukoref.assess(patient).to_json() == leukoref.assess(patient).to_json()

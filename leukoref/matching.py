"""A name and a terminology code to the finding they stand for, and whether the two agree."""

from __future__ import annotations

from dataclasses import replace

from leukoref.errors import InputError
from leukoref.knowledge import hpo
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.names import normalise
from leukoref.meaning import Match, from_term, meant
from leukoref.reading import also_listed, contrary, read


def match_name(
    name: str, code: str | None, base: Knowledge, where: str = "finding", *, absent: bool = True
) -> Match | None:
    """What a name (and code) means, or None. Of two that agree the narrower holds, else the code; a name that turns
    what its code says ('family history of', 'no', 'suspected') holds by itself. InputError if they disagree, but for
    a code of ICD-10-CM, beside which the name holds.
    ``absent``: whether it is asked, too, what the name says where it is said to be absent."""
    match = _match(name, code, base, where)
    if match is not None and not absent:
        return match
    others = contrary(name, match, base)
    if match is None:
        return Match(None, label=name, contrary=others) if others else None
    return replace(match, contrary=others) if others else match


def _match(name: str, code: str | None, base: Knowledge, where: str) -> Match | None:
    by_name = _match_name(name, base)
    if not code:
        return by_name
    by_code = match_code(code, base)
    if by_code is None or _turned(name, by_code, base):
        return by_name
    if by_name is None or _agree(by_name, by_code, base) or _label_of_code(name, code):
        return by_name if by_name and _says_more(by_name, by_code, base) else by_code
    if _files(code, base):
        return by_name
    raise InputError(where, f"the name and the code {code} mean different findings", "correct one of them")


def match_code(code: str, base: Knowledge) -> Match | None:
    """The finding of a terminology code (``LOINC:6690-2``, ``HP:0001945``, bare LOINC accepted)."""
    for candidate in _qualified(code):
        if candidate in base.finding_codes:
            found = base.finding_codes[candidate]
            return Match(found, label=base.finding[found].name)
    term = hpo.by_code(code)
    if term is None:
        return None
    return read(term.label, base) if base.lexicon.is_instead(base.lexicon.tokens(term.label)) else from_term(term, base)


def _qualified(code: str) -> tuple[str, ...]:
    """A code with its system in front, as it may be meant."""
    text = code.strip().upper().replace("LN:", "LOINC:").replace("ICD-10-CM:", "ICD10CM:")
    return text, f"LOINC:{text}", f"ICD10CM:{text}"


def _match_name(name: str, base: Knowledge) -> Match | None:
    found = name if name in base.finding else base.finding_names.get(normalise(name))
    if found:
        return Match(found, label=name)
    if ":" in name and (coded := match_code(name, base)):
        return coded
    term = hpo.by_name(name)
    if term is None or base.lexicon.is_instead(base.lexicon.tokens(name)):
        return read(name, base)
    match = from_term(term, base)
    return match if match.finding else also_listed(match, base, name)


def _files(code: str, base: Knowledge) -> bool:
    """Whether a code is that of a class under which things are filed and not the name of one: WHIM syndrome goes as
    'other neutropenia', gastroenteritis under the colitis that nobody specified."""
    return any(candidate in base.finding_codes and candidate.startswith("ICD10CM:") for candidate in _qualified(code))


def _turned(name: str, code: Match, base: Knowledge) -> bool:
    """Whether a name says of what its code means that it is not so, not now, not sure or not the patient's."""
    turning = {word for word in normalise(name).split() if base.lexicon.group("turns_code", word)}
    if not turning:
        return False
    meanings = [base.finding[found] for found in meant(code)]
    spoken = [code.label, *(text for found in meanings for text in (found.name, *found.synonyms))]
    return not turning <= {word for text in spoken for word in normalise(text).split()}


def _says_more(name: Match, code: Match, base: Knowledge) -> bool:
    """Whether a name that agrees with its code is the narrower of the two, or the only one with a finding."""
    if name.finding is None or code.finding is None or name.finding == code.finding:
        return name.finding is not None
    return code.finding in base.ancestors[name.finding] or _longer(name.finding, code.finding, base)


def _longer(name: str, code: str, base: Knowledge) -> bool:
    """Whether one finding is called by the words of another and more ('intermittent neutropenia')."""
    one, other = (set(base.lexicon.tokens(base.finding[found].name)) for found in (name, code))
    return other < one


def _agree(one: Match, other: Match, base: Knowledge) -> bool:
    """Two readings agree when one is the other or lies above it, but for two that mean different bins of one scale
    (low and high platelets); readings without a finding never clash."""
    if one.finding and one.finding == other.finding:
        return True
    if one.finding and other.finding:
        if _opposed(one.finding, other.finding, base):
            return False
        if _longer(one.finding, other.finding, base) or _longer(other.finding, one.finding, base):
            return True
    left, right = _family(one, base), _family(other, base)
    return not left or not right or bool(left & right)


def _opposed(one: str, other: str, base: Knowledge) -> bool:
    """Whether two findings are words for a scale that no value can both be true of."""
    shared = set(base.word_scales.get(one, ())) & set(base.word_scales.get(other, ()))
    spoken = [{word.finding: set(word.present) for word in base.scale[scale].words} for scale in shared]
    return any(bins[one] and bins[other] and not bins[one] & bins[other] for bins in spoken)


def _label_of_code(name: str, code: str) -> bool:
    """Whether the name is the coded HPO term's own label or synonym, or its label with words left out or added
    ('learning disability' for 'Specific learning disability'); then the two cannot clash."""
    term, coded = hpo.by_name(name), hpo.by_code(code)
    if term is not None and coded is not None and term.id == coded.id:
        return True
    said, label = set(normalise(name).split()), set(normalise(coded.label).split()) if coded else set()
    return len(said & label) > 1 and (said <= label or label <= said)


def _family(match: Match, base: Knowledge) -> set[str]:
    direct = {match.finding} if match.finding else set(match.implied)
    direct |= {meant for entry in direct if (meant := base.finding[entry].if_present)}  # what its presence means
    return (
        direct
        | {scale for entry in direct for scale in base.word_scales.get(entry, ())}
        | {parent for entry in direct for parent in base.ancestors[entry]}
    )

"""Where a patient's value lies on a shared scale: by the number, else by the words that name its bins."""

from __future__ import annotations

from leukoref.engine.durable import Inference
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.vocabulary import Scale
from leukoref.known import Findings


def scale_mask(scale: Scale, known: Findings, inference: Inference, base: Knowledge) -> tuple[int, str]:
    """The bins a patient's value can lie in, and how it was said. Numbers come before words; of several
    inputs of one scale (ALT, AST) the highest bin speaks; words that contradict each other say nothing."""
    best, text = 0, ""
    for entry in scale.inputs:
        quantity = known.quantities.get(entry.finding)
        if quantity is None:
            continue
        low = sum(quantity.low >= cut for cut in entry.cuts)
        high = sum(quantity.high >= cut for cut in entry.cuts)
        mask = sum(1 << i for i in range(low, high + 1))
        if mask > best:
            best, text = mask, f"{base.finding[entry.finding].name} {quantity.text}"
    if best:
        return best, text
    mask = whole = (1 << len(scale.bins)) - 1
    said = []
    for word in scale.words:
        state = inference.presence.get(word.finding)
        bins = word.present if state else word.absent
        if state is None or not bins:
            continue
        mask &= scale.mask(bins)
        said.append(f"{'' if state else 'no '}{base.finding[word.finding].name}")
    return (mask, ", ".join(said)) if 0 < mask < whole else (0, "")

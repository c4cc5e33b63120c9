"""Groups of words as a rule author writes them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from leukoref.knowledge.wording import WordGroup


def test_each_word_stands_in_each_frame() -> None:
    group = WordGroup(id="ill", role="name", frames=("contact with {}", "{} in a classmate"), words=("measles", "flu"))
    assert group.wordings == (
        "contact with measles", "contact with flu", "measles in a classmate", "flu in a classmate",
    )  # fmt: skip


def test_without_frames_the_words_stand_alone() -> None:
    assert WordGroup(id="ill", role="name", words=("measles", "flu")).wordings == ("measles", "flu")


def test_a_frame_has_a_place_for_the_word() -> None:
    with pytest.raises(ValidationError, match="frames"):
        WordGroup(id="ill", role="name", frames=("contact with",), words=("measles",))

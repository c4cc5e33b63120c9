"""The base kept between processes is the base that was read: part by part, whole, damaged, or nowhere to be kept."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sound_base import SOUND, write

from leukoref.knowledge import kept
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import content_hash, load_knowledge, packaged_rules, read


@pytest.fixture
def base(tmp_path: Path) -> Knowledge:
    found, complaints = read([write(tmp_path, SOUND)])
    assert found is not None, complaints
    return found


@pytest.fixture
def store(tmp_path: Path, base: Knowledge) -> Path:
    path = tmp_path / "kept" / "knowledge-1"
    kept.keep(path, base)
    return path


def opened(path: Path) -> Knowledge:
    found = kept.opened(path)
    assert found is not None
    return found


def test_a_kept_base_is_the_base_that_was_read(store: Path, base: Knowledge) -> None:
    again = opened(store)
    assert again == base
    assert base == again
    assert (again.finding_names, again.drug_names) == (base.finding_names, base.drug_names)
    assert again.lexicon == base.lexicon


def test_a_part_is_read_when_it_is_asked_for_and_once(store: Path) -> None:
    base = opened(store)
    assert "causes" not in vars(base)
    assert base.causes is base.causes
    assert "references" not in vars(base)


def test_dumps_and_pickles_hold_every_part(store: Path, base: Knowledge) -> None:
    assert opened(store).model_dump() == base.model_dump()
    assert opened(store).model_dump_json() == base.model_dump_json()
    assert pickle.loads(pickle.dumps(opened(store))) == base


def test_bases_that_differ_are_not_equal(store: Path, base: Knowledge) -> None:
    assert opened(store) != base.model_copy(update={"version": "another"})
    assert opened(store) != "a base"


def test_an_unknown_name_is_no_part(store: Path) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        opened(store).nonsense  # noqa: B018


def test_threads_read_the_same(store: Path, base: Knowledge) -> None:
    fresh = opened(store)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: len(fresh.causes), range(16))) == {len(base.causes)}


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-40], lambda c: c.replace(b"Spleen", b"Spleem"), lambda _: b"", lambda c: c + b"\n"]
)
def test_a_damaged_file_is_thrown_away(store: Path, damage: object) -> None:
    assert callable(damage)
    content = store.read_bytes()
    changed = damage(content)
    store.write_bytes(changed if changed != content else content[:-1])
    assert kept.opened(store) is None


def test_a_damaged_file_of_the_packaged_base_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEUKOREF_CACHE", str(tmp_path))
    path = kept.cache_file(content_hash([packaged_rules()]))
    assert path is not None
    path.write_bytes(b"0" * 64 + b"\nversion 1")
    load_knowledge.__globals__["_load"].cache_clear()
    try:
        assert load_knowledge().causes
        assert opened(path) == load_knowledge()
    finally:
        load_knowledge.__globals__["_load"].cache_clear()


def test_without_a_cache_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEUKOREF_CACHE", "")
    assert kept.cache_file("0" * 64) is None


def test_a_home_that_cannot_be_written_is_no_error(tmp_path: Path, base: Knowledge) -> None:
    (tmp_path / "file").write_text("no folder")
    kept.keep(tmp_path / "file" / "knowledge-1", base)


def test_only_the_newest_files_stay(tmp_path: Path, base: Knowledge) -> None:
    for number in range(kept.KEPT_AT_MOST + 3):
        kept.keep(tmp_path / "many" / f"knowledge-{number}", base)
    assert len(list((tmp_path / "many").iterdir())) == kept.KEPT_AT_MOST

"""Rows of two tables that share a key are found place by place, by threads and by other engines, as they are found at once."""

from __future__ import annotations

import decimal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleout.errors import EngineError, TableError
from ruleout.tables import Table, joined, parquet, places, read_table
from ruleout.tables.engines.exchange import brought_together, cut
from ruleout.tables.engines.task import packed, unpacked
from ruleout.tables.joined import join_rows
from tests.tables.engine_tables import everything


class Parcels:
    """Every part is packed, cut from its parcel, carried, and finished from a parcel, as on workers; pieces may be lost on the way."""

    address, here, n_columns = "parcels", False, 5

    def __init__(self, on_the_way=lambda pieces: pieces):
        self.on_the_way = on_the_way

    def gathered(self, splits, finish):
        pieces = [piece for number, split in enumerate(splits) for piece in cut(packed(split), number)]
        pieces = self.on_the_way(pieces[::-1])
        for place in sorted({place for place, _ in pieces}):
            yield place, *unpacked(brought_together(packed(finish), [piece for at, piece in pieces if at == place]), self.address)

    def close(self):
        pass


N = 30_000


def write_pair(folder: Path) -> tuple[str, str]:
    """Two tables in files, with keys of two columns that repeat, are null, and are there once; columns that differ in many ways."""
    rng = np.random.default_rng(0)
    ids, words = np.arange(N), np.array([f"w{n % 7}" for n in range(N)])
    table = {
        "id": pa.array(ids, mask=rng.random(N) < 0.01),
        "word": pa.array(words, mask=rng.random(N) < 0.01),
        "same": rng.normal(size=N),
        "single": rng.normal(size=N).astype(np.float32),
        "doubled": rng.normal(size=N),
        "text": pa.array(rng.choice(["a", "b", "c"], N)).dictionary_encode(),
        "at": pa.array(np.datetime64("2024-01-01") + rng.integers(0, 10**6, N).astype("timedelta64[s]"), pa.timestamp("us", "UTC")),
        "amount": pa.array([decimal.Decimal(int(value)) / 100 for value in rng.integers(0, 10**6, N)], pa.decimal128(12, 2)),
        "list": pa.array([[1]] * N),
        "nothing": pa.nulls(N),
    }
    first = pa.table(table)
    order = rng.permutation(N)[: N - 2_000]
    order = np.concatenate([order, order[:50]])
    second = first.take(order)
    second = second.set_column(4, "doubled", pa.array(np.asarray(second["doubled"]) * np.where(rng.random(len(order)) < 0.4, 2, 1)))
    texts = ["z" if value == "a" else value for value in second["text"].to_pylist()]
    second = second.set_column(5, "text", pa.array(texts))
    second = second.set_column(0, "id", second["id"].cast(pa.int32()))
    amounts = [None if n % 9 == 0 else value for n, value in enumerate(second["amount"].to_pylist())]
    second = second.set_column(7, "amount", pa.array(amounts, pa.decimal128(12, 2)))
    for name, rows in (("first", first), ("second", second)):
        (folder / name).mkdir()
        for part in range(3):
            cutting = rows.slice(part * len(rows) // 3, (part + 1) * len(rows) // 3 - part * len(rows) // 3)
            pq.write_table(cutting, folder / name / f"{part}.parquet", row_group_size=3_000)
    return str(folder / "first" / "*.parquet"), str(folder / "second" / "*.parquet")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return write_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(parquet, "PART_ROWS", 9_000)
    monkeypatch.setattr(places, "_VALUES", 20_000)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "_FEW_ROWS", -1)


def found(paths: tuple[str, str], engine: Any = None, key: tuple[str, ...] = ("id", "word")) -> joined.SharedRows:
    tables = [read_table(path) if engine is None else read_table(path).on(engine) for path in paths]
    return join_rows(*tables, key, tables[0].columns)


@pytest.mark.parametrize("key", [("id", "word"), ("id",), ("at", "word", "id")])
def test_a_join_by_places_is_the_join_at_once(paths, monkeypatch, tmp_path, key):
    at_once = found(paths, key=key)
    assert at_once.n_shared > 10_000 and at_once.n_repeated_current and at_once.n_without_key_reference and at_once.n_only_reference
    said = {change.column: change.said for change in at_once.differing}
    assert '"a" → "z"' in said["text"] and "became null" in said["amount"] and said["doubled"] == "every one x 2"
    monkeypatch.setattr(joined, "_FEW_ROWS", 0)
    monkeypatch.setattr(joined, "_LOOKED_AT", 10**9)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert everything(found(paths, key=key)) == everything(at_once)
    assert not list(tmp_path.iterdir()), "what waited on disk is gone"


def test_parcels_say_what_threads_say(paths, large):
    assert found(paths, Parcels()).to_dict() == found(paths).to_dict()


def test_of_many_differences_an_even_part_is_looked_at_and_that_is_said(paths, monkeypatch):
    at_once = found(paths)
    monkeypatch.setattr(joined, "_FEW_ROWS", 0)
    monkeypatch.setattr(joined, "_LOOKED_AT", 1_000)
    some = found(paths)
    counts = [[(change.column, change.n_differ) for change in rows.differing] for rows in (at_once, some)]
    assert counts[0] == counts[1]
    doubled = next(change.said for change in some.differing if change.column == "doubled")
    assert doubled.startswith("every one x 2 (of ") and doubled.endswith(" looked at)")
    assert 500 < int(doubled.removeprefix("every one x 2 (of ").removesuffix(" looked at)").replace(",", "")) <= 1_000


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (
            lambda pieces: pieces[1:],
            r"brought [\d,]+ rows together, expected [\d,]+, of part [\d,]+ of [\d,]+; nothing is said from a part",
        ),
        (lambda pieces: [*pieces, pieces[3]], r"a piece of part [\d,]+ came twice"),
        (lambda pieces: [(at, (*piece[:2], piece[2] - 1, piece[3])) for at, piece in pieces], r"brought [\d,]+ rows together"),
    ],
    ids=["lost", "twice", "fewer"],
)
def test_what_is_lost_on_the_way_is_an_error(paths, loss, words, large):
    with pytest.raises(EngineError, match=words):
        found(paths, Parcels(loss))


def test_a_place_that_is_answered_twice_is_an_error(paths, large):
    class Twice(Parcels):
        def gathered(self, splits, finish):
            answers = list(super().gathered(splits, finish))
            yield from [answers[0], *answers]

    with pytest.raises(EngineError, match=r"parcels answered for place 1 twice"):
        found(paths, Twice())


def test_a_batch_that_a_part_lacks_is_an_error(paths, large):
    class Short(Parcels):
        def gathered(self, splits, finish):
            source = splits[0].source
            yield from super().gathered([replace(splits[0], source=source._only(source.groups[:-1])), *splits[1:]], finish)

    with pytest.raises(EngineError, match=r"brought 6,000 rows together, expected 9,000, of part 1 of"):
        found(paths, Short())


def test_files_that_are_gone_are_said_by_the_worker(paths, tmp_path, large):
    pq.write_table(pa.table({"id": [1], "v": [2]}), tmp_path / "t.parquet")
    engine = Parcels()
    tables = [read_table(tmp_path / "t.parquet").on(engine) for _ in range(2)]
    (tmp_path / "t.parquet").unlink()
    with pytest.raises(TableError, match=r"t\.parquet: there is no such file on .*\(said by a worker of parcels\)$"):
        join_rows(*tables, ["id"], ["v"])


def test_tables_without_a_row_have_none_in_common(tmp_path, monkeypatch):
    monkeypatch.setattr(joined, "_FEW_ROWS", -1)
    pq.write_table(pa.table({"id": pa.array([], pa.int64()), "v": pa.array([], pa.float64())}), tmp_path / "t.parquet")
    rows = join_rows(read_table(tmp_path / "t.parquet"), read_table(tmp_path / "t.parquet"), ["id"], ["v"])
    assert (rows.n_shared, rows.n_only_reference, rows.same) == (0, 0, ("v",))


KEYS = st.lists(st.one_of(st.none(), st.integers(-3, 9)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(KEYS, KEYS, st.sampled_from([pa.int64(), pa.int8(), pa.float64(), pa.string(), pa.decimal128(24, 2)]))
def test_any_keys_are_joined_alike(tmp_path_factory, first, second, type_):
    folder = tmp_path_factory.mktemp("keys")
    for name, keys in (("first", first), ("second", second)):
        values = [None if key is None else str(key) for key in keys] if type_ == pa.string() else keys
        columns = {"k": pa.array(values, pa.int64() if type_ != pa.string() else type_).cast(type_), "v": np.arange(len(keys)) % 3}
        pq.write_table(pa.table(columns), folder / f"{name}.parquet", row_group_size=4)
    tables = [read_table(folder / f"{name}.parquet") for name in ("first", "second")]
    wanted = join_rows(*(Table(table.arrow) for table in tables), ["k"], ["v"])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(joined, "_FEW_ROWS", -1)
        engine = Parcels()
        assert join_rows(*(table.on(engine) for table in tables), ["k"], ["v"]).to_dict() == wanted.to_dict()

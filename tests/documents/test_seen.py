"""Files of ids that are none: a sentence each."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.documents.seen import Seen, read_seen, write_seen
from synth.errors import StoreError


@pytest.mark.parametrize("table", [{"kind": [1], "id": [2]}, {"kind": ["files"], "id": [2]}, {"a": ["b"]}])
def test_ids_that_are_no_texts_are_damage(table: dict[str, list[object]], tmp_path: Path) -> None:
    path = tmp_path / "0001.parquet"
    pq.write_table(pa.table(table), path)
    with pytest.raises(StoreError, match=r"0001\.parquet is missing or damaged"):
        read_seen((str(path),))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    for number, seen in enumerate((Seen(), Seen(frozenset("a"), frozenset("bc"), frozenset()))):
        write_seen(tmp_path / str(number), seen)
        assert read_seen((str(tmp_path / str(number)),)) == seen

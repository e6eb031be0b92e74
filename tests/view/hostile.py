"""Rows that a model may write and no page may obey."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synth.schemas import TABLES

TEXTS = (
    "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "</pre></code></script><svg onload=alert(1)><a href='javascript:alert(1)'>x</a>",
    r"$\href{javascript:alert(1)}{click}$ and \(\includegraphics{http://198.51.100.1/x.png}\)",
    r"$\def\x{\x\x}\x$ $\htmlData{a=b}{c}$ \[\url{javascript:alert(1)}\]",
    "right\u202eleft\u2066 hidden\u200b \x1b[31mred\x1b[0m \x00 nul",
    "{" * 1000 + "}" * 1000,
    "$" + "{" * 1000 + "x" + "}" * 1000 + "$",
    "$$" + r"\sqrt{" * 180 + "x" + "}" * 180 + "$$",
    r"$$\begin{matrix}" + "a & " * 500 + r"\end{matrix}$$",
    "{{ 7 * 7 }} {% include '/etc/passwd' %} {{ ''.__class__ }}",
    "' OR 1=1 -- \"; DROP TABLE x; %_\\",
    "$unclosed and \\( unclosed \\[ and $$ more",
    "x" * 1_000_000,
    "\U000e0041\ufdd0 \ud7ff ﷽" + "\u0301" * 500,
)
COLUMN = '"><script>alert(1)</script>'


def write(folder: Path) -> Path:
    """A table whose every text is hostile, with a hostile column name, and a file with a hostile name."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = TABLES["dataset"].schema
    rows = [
        {
            field.name: [text[:300]]
            if pa.types.is_list(field.type)
            else text
            if field.type == pa.string()
            else 0.5
            for field in schema
        }
        | {"id": f"{number}{text[:50]}", "origin": text[:60]}
        for number, text in enumerate(TEXTS)
    ]
    table = pa.Table.from_pylist(rows, schema=schema)
    table = table.append_column(COLUMN, pa.array([text[:70] for text in TEXTS]))
    pq.write_table(table, folder / "<b>[x]*.parquet")
    return folder

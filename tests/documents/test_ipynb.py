import json
from pathlib import Path
from typing import Any

import pytest

from synth.documents.content import Content, ReadError
from synth.documents.formats.ipynb import read_ipynb
from tests.documents.tools import one, put

Cell = dict[str, Any]


def markdown(text: str | list[str]) -> Cell:
    return {"cell_type": "markdown", "source": text}


def code(text: str | list[str], *outputs: Any) -> Cell:
    return {"cell_type": "code", "source": text, "outputs": list(outputs)}


def stream(text: str | list[str], name: str = "stdout") -> Cell:
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data: Any) -> Cell:
    return {"output_type": "execute_result", "data": {key.replace("_", "/"): v for key, v in data.items()}}


def book(*cells: Any, **metadata: Any) -> bytes:
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": list(cells)}).encode()


def content(*cells: Any, **metadata: Any) -> Content:
    return read_ipynb(book(*cells, **metadata))


def test_cells_in_order() -> None:
    found = content(
        markdown(["# Sums\n", "of $n$"]), code(["x = 1\n", "x"], shown(text_plain=["1"])), markdown("End.")
    )
    assert found.text == "# Sums\nof $n$\n\n```python\nx = 1\nx\n```\n\n```text\n1\n```\n\nEnd."
    assert found.title == "Sums"


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"language": "Julia"}}, "julia"),
        ({"language_info": {"name": "R"}}, "r"),
        ({"kernelspec": {"language": "a b`\n"}}, "python"),
        ({"kernelspec": []}, "python"),
    ],
)
def test_the_language_of_the_kernel(metadata: dict[str, Any], language: str) -> None:
    assert content(code("x"), **metadata).text == f"```{language}\nx\n```"


def test_format_3() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Sums"]},
        {
            "cell_type": "code",
            "language": "python",
            "input": "x",
            "outputs": [{"output_type": "pyout", "text": ["1"]}],
        },
    ]
    raw = json.dumps(
        {"nbformat": 3, "metadata": {"name": "Mine"}, "worksheets": [{"cells": cells}, {"cells": 3}]}
    )
    found = read_ipynb(raw.encode())
    assert (found.title, found.text) == ("Mine", "## Sums\n\n```python\nx\n```\n\n```text\n1\n```")


def test_pictures_warnings_and_colours_go() -> None:
    outputs = [
        shown(text_plain="<Figure>", image_png="iVBO"),
        stream("warned", "stderr"),
        stream("\x1b[31mred\x1b[0m"),
    ]
    assert content(code("x", *outputs)).text == "```python\nx\n```\n\n```text\nred\n```"


def test_an_error_is_one_line() -> None:
    raised = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["long"]}
    assert content(code("x", raised)).text.endswith("```text\nValueError: no\n```")


def test_long_output_is_cut_at_a_line() -> None:
    text = content(code("x", *[stream("line of output\n" * 1000) for _ in range(9)])).text
    assert len(text) < 7000
    assert "\n…\n" in text
    assert set(text.splitlines()) <= {"```python", "x", "```", "```text", "line of output", "…", ""}


def test_fences_in_code_stay_inside() -> None:
    assert content(code("a = '''\n```\n'''")).text == "````python\na = '''\n```\n'''\n````"


def test_empty_cells_leave_no_trace() -> None:
    assert (
        content(markdown("a"), code(" "), markdown("\n"), {"cell_type": "raw"}, markdown("b")).text
        == "a\n\nb"
    )


def test_cells_that_are_none() -> None:
    odd = [
        None,
        3,
        [],
        {},
        {"cell_type": 7, "source": 8},
        {"cell_type": "code", "source": {}, "outputs": {"a": 1}},
    ]
    hostile = code(
        "x", None, 3, {"output_type": "stream", "text": 7}, {"data": []}, {"data": {"text/plain": {}}}
    )
    assert content(*odd, hostile, markdown(["a", 3, None, "b"])).text == "```python\nx\n```\n\nab"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"3", b'{"cells": 3}', b'{"cells": {"a": 1}}', b'{"nbformat": 4}', b'{"worksheets": 3}',
        b"[" * 200_000, b'{"cells": ' + b"[" * 200_000, bytes(100), b'{"cells": [' + b"9" * 10_000 + b"]}",
    ],
)  # fmt: skip
def test_what_is_no_notebook(raw: bytes) -> None:
    with pytest.raises(ReadError) as found:
        read_ipynb(raw)
    assert found.value.reason == "unreadable"
    assert found.value.detail


def test_cut_off_anywhere_it_is_an_error() -> None:
    raw = book(markdown("a"), code("x"))
    for length in range(len(raw)):
        with pytest.raises(ReadError):
            read_ipynb(raw[:length])


def test_a_huge_cell_takes_no_time() -> None:
    for text in ("`" * 10**6, "\x1b[" * 500_000, "# " * 500_000, "\n" * 10**6, " ```" * 250_000):
        content(markdown(text), code(text, stream(text)))


def test_it_is_read_by_its_suffix(tmp_path: Path) -> None:
    found = one(put(tmp_path, "a.ipynb", book(markdown("# Sums\n\nof numbers"))))
    assert (found.format, found.title) == ("ipynb", "Sums")

"""Code and tests as they stand in texts: a response's code block, and the forms in which tests are written.

In: a response, or a cell of tests. Out: code, and a `Suite`. Reads only: what is Python is parsed, and not
run.
"""

import ast
import json
import re
from typing import Any, NamedTuple

MAX_CHARS = 100_000
MAX_CASES = 200
_BLOCK = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([A-Za-z0-9_+.-]*)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE
)
_PYTHON = ("python", "py", "python3")
_THOUGHT = re.compile(r"</think(?:ing)?>", re.IGNORECASE)


class Case(NamedTuple):
    """What a program reads, and what it has to write."""

    stdin: str
    stdout: str


class Suite(NamedTuple):
    """Either Python with `assert` in it, which calls what the code defines, or cases for a whole program."""

    asserts: str = ""
    cases: tuple[Case, ...] = ()


def code_of(response: str) -> str | None:
    """The last block of Python in a response that is not all tests; else the last without a language."""
    thoughts = list(_THOUGHT.finditer(response))
    blocks = _blocks(response[thoughts[-1].end() :] if thoughts else response)
    named = [code for language, code in blocks if language in _PYTHON]
    plain = [code for language, code in blocks if not language]
    found = [code for code in named or plain if code.strip() and len(code) <= MAX_CHARS]
    return next((code for code in reversed(found) if not _only_tests(code)), None)


def python_blocks(response: str) -> list[str]:
    """The blocks that a response names Python, in their order; what it thought aloud is left out."""
    thoughts = list(_THOUGHT.finditer(response))
    blocks = _blocks(response[thoughts[-1].end() :] if thoughts else response)
    return [code for language, code in blocks if language in _PYTHON]


def is_python(code: str) -> bool:
    """Whether it can be parsed."""
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def suite_of(text: str) -> Suite | None:
    """Tests as a column or a reply holds them; None where there are none that can be run.

    Cases are JSON: `[{"input": "1 2", "output": "3"}]`, or `{"inputs": […], "outputs": […]}`. All else is
    Python with at least one `assert`, bare or in its blocks.
    """
    if len(text) > MAX_CHARS:
        return None
    if (cases := _cases(text)) is not None:
        return Suite(cases=cases) if cases else None
    blocks = [code for language, code in _blocks(text) if language in _PYTHON or not language]
    asserts = "\n".join(blocks) if blocks else text
    return Suite(asserts=asserts) if count_asserts(asserts) else None


def count_asserts(code: str) -> int:
    """How many assertions stand in it; none where it is no Python."""
    try:
        return sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0


def _blocks(text: str) -> list[tuple[str, str]]:
    return [(match[2].lower(), match[3]) for match in _BLOCK.finditer(text[-2 * MAX_CHARS :])]


def _only_tests(code: str) -> bool:
    """Whether a block defines nothing and asserts something."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.Assert) for node in body) and not any(
        isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) for node in body
    )


def _cases(text: str) -> tuple[Case, ...] | None:
    """The cases of a JSON text; None where it is none of ours."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(tree, dict) and {"inputs", "outputs"} <= tree.keys():
        pairs = _paired(tree["inputs"], tree["outputs"])
    elif isinstance(tree, list):
        pairs = [
            (one.get("input"), one.get("output")) if isinstance(one, dict) else (None, None) for one in tree
        ]
    else:
        return None
    if not all(isinstance(side, str) for pair in pairs for side in pair) or len(pairs) > MAX_CASES:
        return ()
    return tuple(Case(*pair) for pair in pairs)


def _paired(inputs: Any, outputs: Any) -> list[tuple[Any, Any]]:
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        return []
    return list(zip(inputs, outputs, strict=True))

"""Runs inside a box: loads the code, then does what the tests in another box ask for, or is a whole program.

In: through standard input a JSON object `{"code": …, "stdin": …}`; with `stdin` the code runs as a program.
Else requests, one a line, on descriptor `ASKED`. Out: one line for each on descriptor `TOLD`. Nothing that
happens here is believed: a value is only ever compared, and an exit code only ever a reason to fail.
"""

import builtins
import errno
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from synth.verify.code.plain import NotPlain, dumps, loads

ASKED, TOLD = 3, 4
FORBIDDEN, NO_MEMORY, RAISED = 80, 81, 82
Tell = Callable[[Any], dict[str, Any]]
# What a refused file, network or process looks like from inside.
_REFUSED = frozenset(
    getattr(errno, name)
    for name in ["EPERM", "EACCES", "EROFS", "ENETUNREACH", "EAGAIN", "EFBIG", "ENOSPC", "EMFILE", "ENOSYS"]
)


def main() -> None:
    """Serve, or be a program."""
    given = json.load(sys.stdin)
    if given["stdin"] is not None:
        _program(given["code"], given["stdin"])
    else:
        _serve(given["code"])


def _program(code: str, text: str) -> None:
    with open("stdin", "w", encoding="utf-8", newline="") as file:
        file.write(text)
    given = os.open("stdin", os.O_RDONLY)
    os.unlink("stdin")
    os.dup2(given, 0)
    os.close(given)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it is the program's own
    try:
        exec(compile(code, "program", "exec"), {"__name__": "__main__"})
    except SystemExit:
        raise
    except BaseException as fault:
        _say(f"{type(fault).__name__}: {fault}"[:500])
        sys.stdout.flush()
        os._exit({"forbidden": FORBIDDEN, "memory": NO_MEMORY}.get(_kind(fault), RAISED))


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _serve(code: str) -> None:
    names: dict[str, Any] = {"__name__": "solution"}
    asked, told = os.fdopen(ASKED, "r", encoding="utf-8"), os.fdopen(TOLD, "w", encoding="utf-8")
    objects: list[Any] = []
    nowhere = os.open("/dev/null", os.O_RDWR)  # nobody reads what it prints
    for place in (0, 1, 2):
        os.dup2(nowhere, place)

    def tell(answer: dict[str, Any]) -> None:
        told.write(json.dumps(answer) + "\n")
        told.flush()

    def value_of(value: Any) -> dict[str, Any]:
        try:
            return {"value": dumps(value)}
        except NotPlain:
            objects.append(value)
            return {"object": len(objects) - 1, "kind": type(value).__name__}

    try:
        exec(compile(code, "solution", "exec"), names)
    except BaseException as fault:
        tell(_fault(fault))
        return
    shown = {
        name: value
        for name, value in names.items()
        if not name.startswith("__") and not hasattr(builtins, name)
    }
    tell({"names": {name: value_of(value) for name, value in shown.items() if not _is_module(value)}})
    for line in asked:
        try:
            tell(_done(json.loads(line), objects, value_of))
        except BaseException as fault:
            tell(_fault(fault))


def _done(request: dict[str, Any], objects: list[Any], value_of: Tell) -> dict[str, Any]:
    """One thing that is asked of an object: an attribute, a call, an item, its length, its next."""
    of = objects[request["object"]]
    given = [objects[one["object"]] if "object" in one else loads(one["value"]) for one in request["given"]]
    named = {name: loads(one["value"]) for name, one in request["named"].items()}
    what = request["what"]
    if what == "call":
        found = value_of(of(*given, **named))
        # Lists that were changed in place are told, as the tests have other lists.
        return {**found, "given": [_after(one) for one in given]}
    if what == "get":
        return value_of(getattr(of, *given))
    if what == "item":
        return value_of(of[given[0]])
    if what == "length":
        return value_of(len(of))
    if what == "begin":
        return value_of(iter(of))
    return value_of(next(of))


def _after(value: Any) -> str | None:
    if type(value) not in (list, dict, set, bytearray):
        return None
    try:
        return dumps(value)
    except NotPlain:
        return None


def _is_module(value: Any) -> bool:
    return isinstance(value, type(sys))


def _kind(fault: BaseException) -> str:
    if isinstance(fault, MemoryError):
        return "memory"
    return "forbidden" if isinstance(fault, OSError) and fault.errno in _REFUSED else "raised"


def _fault(fault: BaseException) -> dict[str, Any]:
    try:
        said = str(fault)[:500]
    except BaseException:
        said = ""
    return {"fault": _kind(fault), "name": type(fault).__name__, "said": said}


if __name__ == "__main__":
    main()

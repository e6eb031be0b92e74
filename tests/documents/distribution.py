"""A distribution in a folder, with readers under the entry points `synth.readers`."""

from pathlib import Path

import pytest

from synth.documents.formats import added

MODULE = """
import ctypes, os, signal, sys, time
from synth.documents.content import Content, ReadError

def poem(raw):
    print("printed by a reader")
    sys.stdout.flush()
    os.write(1, b"R{}\\n")
    return Content(raw.decode().upper(), title="A poem", licence="CC0-1.0")

def several(raw):
    return (Content(line) for line in raw.decode().splitlines())

def loops(raw):
    while True:
        pass

def sleeps(raw):
    time.sleep(1000)

def hungry(raw):
    return Content("x" * (4 << 30))

def crashes(raw):
    os.kill(os.getpid(), signal.SIGSEGV)

def null(raw):
    ctypes.string_at(0)

def leaves(raw):
    sys.exit(int(raw))

def drops(raw):
    os._exit(int(raw))

def raises(raw):
    raise ValueError("no such verse")

def says(raw):
    raise ReadError("it rhymes", "too_long")

def nothing(raw):
    return None

def words(raw):
    return raw.decode()

def numbers(raw):
    return [Content("one whole text"), 5, Content(None), Content("x", title=7), Content("two")]

def forever(raw):
    while True:
        yield Content("again and again and again")
"""
READERS = (
    *("poem", "several", "loops", "sleeps", "hungry", "crashes", "null", "leaves", "drops", "raises"),
    *("says", "nothing", "words", "numbers", "forever"),
)


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, version: str = "1", module: str = MODULE,
    readers: tuple[str, ...] = READERS,
) -> None:  # fmt: skip
    """Put a distribution of these readers, each for the suffix of its name, on the path of this process."""
    info = folder / "poems-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (folder / "poems.py").write_text(module)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: poems\nVersion: {version}\n")
    points = "".join(f"{name} = poems:{name}\n" for name in (*readers, "missing"))
    (info / "entry_points.txt").write_text(f"[synth.readers]\n{points}")
    monkeypatch.syspath_prepend(str(folder))
    added.added.cache_clear()

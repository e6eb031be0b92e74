"""Which files are read, and what each is called.

In: files, folders and globs. Out: sources with names that hold no folder of this machine, so that
the same documents have the same ids wherever they lie.
"""

import glob
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from synth.errors import ConfigError

# Control characters, line ends, and the marks that change the direction of what is shown.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# `table.jsonl#0` is a row, `archive.zip!/a.md` a member.
_LIKE_A_PART = re.compile(r"#(?=[0-9]+\Z)|!(?=/)")


class Source(NamedTuple):
    """A file, and its path relative to the root that was given (a single file: its name)."""

    path: Path
    name: str


def find_sources(paths: Sequence[str]) -> list[Source]:
    """All files below the paths, by name. Hidden files and links that leave their root are skipped.

    A file that several paths lead to is one source, with the longest of its names. Different files
    of one name are told apart by as many of their folders as that takes.

    Raises:
        ConfigError: paths that do not exist (all of them), or nothing to read.
    """
    faults = [f"{p} does not exist: correct documents.paths." for p in paths if not _roots(p)]
    if faults:
        raise ConfigError(*faults)
    names: dict[Path, str] = {}
    for root, path in (found for p in paths for top in _roots(p) for found in _files(top)):
        name = printable(path.relative_to(root).as_posix())
        names[path] = max(names.get(path, ""), name, key=lambda n: (len(n), n))
    if not names:
        where = ", ".join(paths) or "documents.paths, which is empty"
        raise ConfigError(f"No file to read in {where}: name files or folders that hold documents.")
    return sorted((Source(path, name) for path, name in _apart(names)), key=lambda s: s.name)


def _roots(path: str) -> list[tuple[Path, Path]]:
    """(root, start) of a path, or of each match of a glob; none where nothing exists."""
    start = Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111  (follows no link, leaves ~nobody)
    if start.is_dir():
        return [(start, start)]
    if start.exists():
        return [(start.parent, start)]
    plain = start
    while glob.has_magic(str(plain)):
        plain = plain.parent
    return [(plain, Path(match)) for match in sorted(glob.glob(str(start), recursive=True))]  # noqa: PTH207  (absolute)


def _files(top: tuple[Path, Path]) -> Iterator[tuple[Path, Path]]:
    root, start = top
    inside = root.resolve()
    if start.is_file():
        yield root, start
    for folder, folders, files in os.walk(start):
        # Links to folders are not followed: inside the root they lead to what is found anyway.
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for path in (Path(folder) / f for f in sorted(files) if not f.startswith(".")):
            if path.is_file() and (not path.is_symlink() or _shown(path.resolve(), inside)):
                yield root, path


def _shown(target: Path, root: Path) -> bool:
    """Whether a link leads to what would be found without it: no hidden file, and none outside."""
    return target.is_relative_to(root) and not any(
        part.startswith(".") for part in target.relative_to(root).parts
    )


def printable(path: str) -> str:
    """A path as the name of a source: one that no row or member has, and that any table can hold.

    A file or folder that is called as they are gets its mark twice. A name that is not UTF-8
    is shown by its bytes, as no table and no terminal takes a lone surrogate; and so is what would move the
    cursor or turn the line round. So backslashes are doubled.
    """
    shown = os.fsencode(path.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")
    shown = _UNSHOWN.sub(lambda match: match[0].encode("unicode_escape").decode(), shown)
    return _LIKE_A_PART.sub(r"\g<0>\g<0>", shown)


def _apart(names: dict[Path, str]) -> Iterable[tuple[Path, str]]:
    """The files, with longer names where two of them have the same."""
    groups = defaultdict(list)
    for path, name in names.items():
        groups[name].append(path)
    clashes = [path for group in groups.values() if len(group) > 1 for path in group]
    if not clashes:
        return names.items()
    longer = {path: printable("/".join(path.parts[-len(Path(names[path]).parts) - 1 :])) for path in clashes}
    return _apart({**names, **longer})

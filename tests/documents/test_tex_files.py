"""What must survive of real LaTeX: every formula, every section title, every statement."""

import re
from pathlib import Path

from synth.documents.formats.latex.reader import read_tex

_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_GONE = re.compile(
    r"\\begin\{(asy|tikzpicture|asydef|comment)\}.*?\\end\{\1\}"
    r"|\\(?:index|indexdef|indexsee|symlabel|symbolindex|label|nonumber|notag|includegraphics|indexfoot)\*?(?:\[[^\]]*\])?"
    r"(?:\{(?:[^{}]|\{[^{}]*\})*\})+|\\(?:nonumber|notag|qedhere|phantomsection)(?![A-Za-z])",
    re.DOTALL,
)
_FORMULA = re.compile(
    r"(?<!\\)\\\[(.+?)\\\]|\\begin\{(?:equation|align|gather|multline)\*?\}(.+?)\\end\{(?:equation|align|gather|multline)\*?\}"
    r"|(?<!\\)\$([^$]+)(?<!\\)\$|\\\((.+?)\\\)",
    re.DOTALL,
)
_SECTION = re.compile(r"\\(?:chapter|section|subsection)\*?\{([^{}$\\]+)\}")
_STATEMENT = re.compile(
    r"\\begin\{(?:thm|theorem|lem|lemma|definition|defn)\}(?:\[[^\]\n]*\])?\s*\n\s*([A-Z][^$\\{}~.,-]{10,}?)[.,$~]"
)


def bare(text: str) -> str:
    """Without white space; in tables a bar is written by its name."""
    return re.sub(r"\s+", "", text).replace("\\vert", "|")


def sources(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.glob("docs/latex-*/*.tex") if p.name != "preamble.tex")
    assert len(found) > 50
    return found


def cleaned(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    text = text.partition("\\begin{document}")[2] or text
    return _GONE.sub("", _COMMENT.sub("", text.replace("\\\\%", "\\\\ %")))


def test_every_formula_of_real_files_survives(test_data: Path) -> None:
    lost, count = [], 0
    for path in sources(test_data):
        text = bare(read_tex(path.read_bytes()).text)
        for match in _FORMULA.finditer(cleaned(path)):
            formula = bare(next(filter(None, match.groups())))
            count += 1
            if formula not in text:
                lost.append((path.name, formula[:80]))
    assert count > 20_000
    assert not lost


def test_every_title_and_statement_of_real_files_survives(test_data: Path) -> None:
    lost, count = [], 0
    for path in sources(test_data):
        text = read_tex(path.read_bytes()).text
        source = cleaned(path)
        titles = [
            " ".join(m[1].split()).replace("``", "“").replace("''", "”") for m in _SECTION.finditer(source)
        ]
        headings = {h.replace("–", "--") for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        lost += [(path.name, t) for t in titles if t not in headings]
        for match in _STATEMENT.finditer(source):
            said = " ".join(match[1].split()).replace("``", "“").replace("''", "”")
            count += 1
            if said not in " ".join(text.split()):
                lost.append((path.name, said))
    assert count > 80
    assert not lost

import json
import os
import time
from pathlib import Path

import pytest

from synth.documents.formats.markup import read_markdown
from synth.documents.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The derivative of a function measures how fast its value changes.", "en"),
        ("Die Ableitung einer Funktion misst, wie schnell sich ihr Wert ändert.", "de"),
        ("La dérivée d'une fonction mesure la vitesse à laquelle sa valeur change.", "fr"),
        ("函数的导数描述了函数值变化的快慢。", "zh"),
        ("Производная функции показывает, как быстро меняется её значение.", "ru"),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "x = 1", "$$\\int_0^1 f(x)\\,dx$$", "1 2 3 4 5 6 7 8 9", "yes"])
def test_too_little_prose_is_undecided(text: str) -> None:
    assert detect_language(text) == "und"


def test_code_and_formulas_do_not_outvote_the_prose_around_them() -> None:
    code = "```python\n" + "for item in items: print(item)  # show the item to the reader\n" * 20 + "```\n"
    prose = "Diese Schleife gibt jedes Element der Liste der Reihe nach aus und endet dann.\n"
    assert detect_language(prose + code + "Hier ist $\\text{the sum of the values}$ gemeint.") == "de"


@pytest.mark.parametrize("sign", ["#", "//", ";;", "--", "%", " *", "'"])
def test_a_page_that_is_all_code_is_in_the_language_of_its_comments(sign: str) -> None:
    comments = [
        "Une boucle répète les mêmes instructions",
        "La valeur est affichée à chaque tour",
        "Voici la fin",
    ]
    code = "".join(f"{sign} {comment}\nfor item in items: print(item)\n" for comment in comments)
    assert detect_language(f"```python\n{code}```\n") == "fr"
    assert detect_language(f"```python\n{code}") == "fr"
    assert detect_language("```python\n" + "for item in items: print(item)\n" * 9 + "```") == "und"


@pytest.mark.parametrize("part", ["```\n", "``````\n", "~~~a\n", "$$", "$a", "`a", "<a", "\\a", "# a\n", "'"])
def test_a_hostile_text_ends(part: str) -> None:
    began = time.process_time()
    detect_language(part * (1_000_000 // len(part)))
    assert time.process_time() - began < 5


def test_the_language_of_each_real_page_is_found() -> None:
    root = os.environ.get("SYNTH_TEST_DATA")
    if root is None:
        pytest.skip("SYNTH_TEST_DATA names no folder of real documents")
    files = [json.loads(line) for line in Path(root, "docs-FILES.jsonl").read_text().splitlines()]
    pages = {file["path"]: file["lang"][:2] for file in files if file["format"] == "md"}
    found = {path: detect_language(read_markdown(Path(root, path).read_bytes()).text) for path in pages}
    assert len(pages) == 180
    assert {path: code for path, code in found.items() if code != pages[path]} == {}

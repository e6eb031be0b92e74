import pytest

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

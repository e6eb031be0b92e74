from xml.etree import ElementTree

import pytest

from synth.documents.formats.mathml.tex import mathml_to_tex


def tex(inner: str, attributes: str = "") -> str:
    return mathml_to_tex(
        ElementTree.fromstring(f'<math xmlns="http://www.w3.org/1998/Math/MathML"{attributes}>{inner}</math>')
    )


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<mfrac><mn>1</mn><mi>n</mi></mfrac>", r"\frac{1}{n}"),
        ("<msup><mi>x</mi><mrow><mi>i</mi><mo>+</mo><mn>1</mn></mrow></msup>", "x^{i+1}"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>2</mn></msup>", "{(a)}^2"),
        ("<msubsup><mi>a</mi><mn>1</mn><mn>12</mn></msubsup>", "a_1^{12}"),
        ("<msqrt><mi>x</mi><mi>y</mi></msqrt><mroot><mi>z</mi><mn>3</mn></mroot>", r"\sqrt{xy}\sqrt[3]{z}"),
        (
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>i</mi>",
            r"\sum_{i=1}^ni",
        ),
        (
            "<munder><mo>lim</mo><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder><mi>f</mi>",
            r"\lim_{x\to0}f",
        ),
        ("<mover><mi>v</mi><mo>→</mo></mover><mover><mi>y</mi><mo>¯</mo></mover>", r"\vec{v}\overline{y}"),
        ("<mi>α</mi><mi>x</mi><mo>≤</mo><mi>sin</mi><mi>y</mi>", r"\alpha x\leq\sin y"),
        ("<mi mathvariant='bold'>A</mi><mi>ℝ</mi><mi>abc</mi>", r"\mathbf{A}\mathbb{R}\mathrm{abc}"),
        ("<mtext>if 5%</mtext><mtext>.8</mtext>", r"\text{if 5\%}.8"),
        ("<mfenced open='[' close=')' separators=';'><mi>a</mi><mi>b</mi></mfenced>", r"\left[a;b\right)"),
        (
            "<mo>(</mo><mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd/><mtd><mn>1</mn></mtd></mtr></mtable><mo>)</mo>",
            r"\begin{pmatrix}a & b \\ & 1\end{pmatrix}",
        ),
        ("<mo>{</mo><mtable><mtr><mtd><mi>a</mi></mtd></mtr></mtable>", r"\begin{cases}a\end{cases}"),
        (
            "<semantics><mi>y</mi><annotation encoding='application/x-tex'>\\sqrt{y}</annotation></semantics>",
            r"\sqrt{y}",
        ),
        (
            "<mmultiscripts><mi>F</mi><mn>1</mn><none/><mprescripts/><mn>2</mn><none/></mmultiscripts>",
            "{}_2F_1",
        ),
        ("<mfrac><mi>x</mi></mfrac><unknown>z</unknown><mphantom><mi>no</mi></mphantom>", "xz"),
        ("<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>", r"\binom{n}{k}"),
        ("<mo>{</mo><mi>a</mi><mo>}</mo><mn>5</mn><mo>%</mo>", r"\{a\}5\%"),
    ],
)
def test_formulas(inner: str, expected: str) -> None:
    assert tex(inner) == expected


def test_depth_is_bounded_and_loses_no_letter() -> None:
    assert "x" in tex("<mrow>" * 5000 + "<mi>x</mi>" + "</mrow>" * 5000)
    assert "z" in tex("<msup><mi>a</mi>" * 2000 + "<mi>z</mi>" + "</msup>" * 2000)

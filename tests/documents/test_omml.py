from xml.etree.ElementTree import fromstring

import pytest

from synth.documents.formats.word.omml import omml_to_tex


def run(text: str, properties: str = "") -> str:
    return f"<r><rPr>{properties}</rPr><t>{text}</t></r>"


def tex(inner: str) -> str:
    return omml_to_tex(fromstring(f"<oMath>{inner}</oMath>"))


SIN = run("sin", '<sty val="p"/>')
X, N, TWO = (run(c) for c in ("x", "n", "2"))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (f"<f><num>{X}</num><den>{TWO}</den></f>", r"\frac{x}{2}"),
        (f'<f><fPr><type val="noBar"/></fPr><num>{N}</num><den>{TWO}</den></f>', r"\binom{n}{2}"),
        (f'<f><fPr><type val="lin"/></fPr><num>{N}</num><den>{TWO}</den></f>', "n/2"),
        (f"<f><num/><den>{TWO}</den></f>", r"\frac{}{2}"),
        (f'<rad><radPr><degHide val="1"/></radPr><deg/><e>{X}</e></rad>', r"\sqrt{x}"),
        (f"<rad><deg>{N}</deg><e>{X}</e></rad>", r"\sqrt[n]{x}"),
        (f"<sSup><e>{X}</e><sup>{TWO}</sup></sSup>", "x^2"),
        (f"<sSub><e>{X}</e><sub>{run('12')}</sub></sSub>", "x_{12}"),
        (f"<sSubSup><e>{X}</e><sub>{N}</sub><sup>{TWO}</sup></sSubSup>", "x_n^2"),
        (f'<nary><naryPr><chr val="∑"/></naryPr><sub>{run("i=1")}</sub><sup>{N}</sup><e>{run("i")}</e></nary>', r"\sum_{i=1}^ni"),
        (f"<nary><sub/><sup/><e>{X}</e></nary>", r"\int x"),
        (f"<d><e>{X}</e></d>", r"\left(x\right)"),
        (f'<d><dPr><begChr val="["/><endChr val="]"/></dPr><e><m><mr><e>{X}</e><e>{TWO}</e></mr></m></e></d>', r"\begin{bmatrix}x & 2\end{bmatrix}"),
        (f"<func><fName>{SIN}</fName><e>{X}</e></func>", r"\sin x"),
        (f"<func><fName><limLow><e>{run('lim')}</e><lim>{run('n→∞')}</lim></limLow></fName><e>{X}</e></func>", r"\lim_{n\to\infty}x"),
        (f'<acc><accPr><chr val="&#x20D7;"/></accPr><e>{X}</e></acc>', r"\vec{x}"),
        (f'<bar><barPr><pos val="top"/></barPr><e>{X}</e></bar>', r"\overline{x}"),
        (run("α≤β"), r"\alpha\leq\beta"),
        (run("if x", "<nor/>"), r"\text{if x}"),
        (run("R", '<scr val="double-struck"/>'), r"\mathbb{R}"),
        (f"<unknown>{X}<more>{TWO}</more></unknown>", "x2"),
        ("", ""),
    ],
)  # fmt: skip
def test_formulas(formula: str, expected: str) -> None:
    assert tex(formula).replace(" ", "") == expected.replace(" ", "")


def test_a_deep_formula_ends() -> None:
    assert "x" in tex(f"{'<rad><e>' * 65}{X}{'</e></rad>' * 65}")

import time

import pytest

from synth.documents.formats.latex.reader import read_tex

B = chr(92)


def markdown(text: str) -> str:
    return read_tex(text.encode()).text


ARTICLE = r"""% a draft
\documentclass[11pt]{article}
\usepackage{amsmath}
\newcommand{\RR}{\mathbb{R}}
\newcommand{\unit}{\ensuremath{\mathbf{1}}}
\newcommand{\pair}[2][x]{(#1, \emph{#2})}
\newtheorem{satz}[thm]{Satz}
\title{Waves \& \emph{Strings}}
\author{A. Author} \date{May 2020}
\begin{document}
\maketitle
\begin{abstract} On waves. \end{abstract}
\section{The \texorpdfstring{$n$}{n}-th wave}\label{sec:wave}\index{wave}
A \emph{wave}~\cite{x} carries ``energy'' --- 50\,\% of it, see \cref{thm:p} and Section~\ref{sec:wave}.% why
\footnote{Or \textbf{not}.} The type \unit{} and \unknown{kept} and \pair{y} and \foo here.

\begin{thm}[Pythagoras]\label{thm:p}
  In $\RR^2$, $a^2 + b^2
  = c^2$ for
  \[ a_{1} < b \label{eq:no} \]
  and
  \begin{align*}
    x &= 1 \\
    y &= 2
  \end{align*}
\end{thm}
\begin{proof} Clear, by \eqref{eq:1}. \end{proof}
\begin{satz} K\"onig, Fran\c{c}ois, \'Etale, Stra\ss e, \v{S}imek, na\"{\i}ve. \end{satz}
\begin{verbatim}
x = 1 % no comment
   $y$
\end{verbatim}
\begin{lstlisting}[language=Python]
def f(): pass
\end{lstlisting}
Use \verb|$x_%$|.
\begin{itemize}
  \item One
    \begin{enumerate}[(a)] \item Inner $x$ \item Second \end{enumerate}
  \item[Two] more
\end{itemize}
\begin{tabular}{l|r}
  \hline Name & Size \\ \hline
  a|b & $|x|$ \\ \multicolumn{2}{c}{both}
\end{tabular}
\begin{tikzpicture} \draw (0,0); \end{tikzpicture}
\begin{figure}[htbp]\centering\includegraphics[width=2cm]{a.png}\caption{A picture.}\end{figure}
\input{other}
It costs \$5 \href{http://x.org/a%20b}{there}, \url{http://y.org/%7E}.
\end{document}
after
"""


def test_an_article_becomes_markdown() -> None:
    assert markdown(ARTICLE) == (
        "# Waves & *Strings*\n\n**Abstract.** On waves.\n\n## The $n$-th wave\n\n"
        "A *wave* [x] carries “energy” — 50 % of it, see the theorem “Pythagoras” and Section “The $n$-th wave”."
        " (Or **not**.) The type $\\mathbf{1}$ and kept and (x, *y*) and $\\foo$ here.\n\n"
        "**Theorem** (Pythagoras). In $\\RR^2$, $a^2 + b^2 = c^2$ for\n$$a_{1} < b$$\nand\n"
        "$$\n\\begin{align*}\nx &= 1 \\\\\ny &= 2\n\\end{align*}\n$$\n\n"
        "**Proof.** Clear, by the equation.\n\n"
        "**Satz.** König, François, Étale, Straße, Šimek, naïve.\n\n"
        "```\nx = 1 % no comment\n   $y$\n```\n\n```python\ndef f(): pass\n```\n\n"
        "Use `$x_%$`.\n\n"
        "- One\n\n  1. Inner $x$\n  2. Second\n- Two more\n\n"
        "| Name | Size |\n| --- | --- |\n| a\\|b | $\\vert x\\vert $ |\n| both |  |\n\n"
        "A picture.\n\n"
        "It costs \\$5 there, http://y.org/%7E."
    )


def test_title_and_date_are_stated_or_else_the_first_section_is_the_title() -> None:
    found = read_tex(ARTICLE.encode())
    assert (found.title, found.date) == ("Waves & *Strings*", "May 2020")
    assert read_tex(rb"\section{Only \emph{this}} text \date{\today}").title == "Only this"
    assert read_tex(rb"\date{\today} text").date is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (r"a $b$ \(c\) $$d$$ e", "a $b$ $c$\n$$d$$\ne"),
        (r"$\text{if $x$ is}$ y", r"$\text{if $x$ is}$ y"),
        ("costs $5 and\n\nno more", "costs \\$5 and\n\nno more"),
        (r"{\em a $b} c$", r"a \$b c\$"),
        (r"\begin{equation} x", "x"),
        (r"\begin{thm} open", "**Theorem.** open"),
        (r"\end{thm} \item } x", "- x"),
        (r"\begin{problem}Find $x$.\begin{hint}Try.\end{hint}\end{problem}", "**Problem.** Find $x$.\n\n**Hint.** Try."),
        (r"\begin{proof}[Proof of \cref{thm:a}] Yes.\end{proof}", "**Proof of the theorem.** Yes."),
        (r"\def\a{\b\b}\def\b{\a\a} \a x", "x"),
        (r"\def\be{\begin{equation}}\def\ee{\end{equation}} \be x=1 \ee", "$$x=1$$"),
        (r"\iffalse hidden \fi shown \begin{comment} % } \end{comment}", "shown"),
        ("a%\nb\n%c\nd", "ab\nd"),
        (r"\DeclareMathOperator{\im}{im} The \im{} is", r"The $\im$ is"),
        (r"see \ref{fig:x}, \Cref{lem:a,lem:b}. \Cref{sec:q} too", "see the figure, the lemmas. Another section too"),
        ("\\begin{tikzcd} A \\ar[r] & B \\end{tikzcd}", "$$\n\\begin{tikzcd}\nA \\ar[r] & B\n\\end{tikzcd}\n$$"),
        ("\\begin{minted}{c++}\nint x;\n\\end{minted}", "```c++\nint x;\n```"),
        (r"\usepackage{x} \def\y{z} only a preamble", ""),
    ],
)  # fmt: skip
def test_small_sources(written: str, expected: str) -> None:
    text = markdown(written)
    if r"\def\a" in written:
        # Commands that stand for each other end somewhere.
        assert text.endswith("x")
        assert len(text) < 100_000
    else:
        assert text == expected


PARTS = [
    "{", "}", "{}", "$", "$ {", "{$", "$}", "$\n\n", "%", "%\n", B, "``", "-", "[", "\n\t", "a ",
    B + "begin{a}", B + "begin{equation}", B + "begin{verbatim}", B + "begin{itemize}" + B + "item ", B + "end{a}",
    B + "begin{thm}[", B + "item[", B + "x[", B + "emph{a ", B + "section{", B + "footnote{", B + "href{a}{", B + "[",
    B + "(", B + "verb|", B + "label{", B + "def" + B + "a{", B + "newcommand{", B + "cref{a}", B + "iffalse", B + "'",
    B + "begin{tabular}{c}a & ", B + "multicolumn{99}{c}{a}", B + "foo{a}\n", B + "foo\n", B + "url{a",
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_a_hostile_source_ends(part: str) -> None:
    count = 300_000 // len(part)
    begun = time.process_time()
    text = markdown(part * count)
    markdown(part * (count // 2) + ("}" if "{" in part else part[::-1]) * (count // 2))
    # Takes minutes where the time grows with the square of the length.
    assert time.process_time() - begun < 15
    assert len(text) <= 6 * len(part) * count


def test_what_grows_without_end_is_cut_off() -> None:
    bomb = "".join(rf"\def\{chr(97 + i)}x{{" + rf"\{chr(98 + i)}x" * 10 + "}" for i in range(20))
    assert len(markdown(bomb + r"\ax " * 1000)) < 2_000_000

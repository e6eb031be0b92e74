"""What the commands and environments of LaTeX mean for a text: kept, dropped, or written otherwise."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Their content is no LaTeX.
VERBATIM = _words(
    "verbatim verbatim* Verbatim BVerbatim LVerbatim lstlisting minted alltt pyverbatim pycode"
    " sagecode sageblock"
)
# Pictures, notes to the author and lists of sources.
DROPPED_RAW = _words(
    "comment asy asydef asypicture tikzpicture pgfpicture pspicture picture pgfplots filecontents"
    " filecontents* thebibliography luacode directlua circuitikz forest"
)
DIAGRAMS = _words("tikzcd tikzcd* CD xy prooftree")
MATH = _words(
    "equation align gather multline eqnarray displaymath flalign alignat math dmath dgroup"
    " xalignat xxalignat narrowmultline narrowequation IEEEeqnarray mathpar mathparpagebreakable"
    " subarray aligned"
)
# Written without its name, since it is one formula and nothing else.
ONE_FORMULA = _words("equation equation* displaymath math dmath dmath* narrowequation narrowequation*")
LISTS = _words(
    "itemize enumerate description compactitem compactenum compactdesc inparaenum inparaitem"
    " enumerate* itemize* walk subparts parts questions tasks"
)
NUMBERED = _words("enumerate compactenum inparaenum enumerate* walk questions parts subparts tasks")
TABLES = _words("tabular tabular* tabularx tabulary longtable array supertabular xltabular tblr longtblr")
# Layout: what is in them matters, that they are there does not.
PLAIN = _words(
    "document center quote quotation verse minipage figure figure* table table* tcolorbox"
    " mdframed framed shaded flushleft flushright small footnotesize large Large scriptsize tiny"
    " normalsize huge subequations multicols columns column wrapfigure wraptable subfigure"
    " subtable spacing landscape adjustbox adjustwidth sloppypar titlepage singlespace doublespace"
    " onehalfspace group appendices appendix block frame threeparttable scope onecolumn twocolumn"
    " samepage tabbing list trivlist letter CJK CJK* otherlanguage english mainmatter frontmatter"
    " savequote moral frontmatter backmatter changemargin restatable ruledtabular table-of-"
    " contents ThreePartTable keywords IEEEkeywords"
)
KINDS = {
    "thm": "Theorem",
    "theo": "Theorem",
    "teo": "Theorem",
    "lem": "Lemma",
    "prop": "Proposition",
    "propn": "Proposition",
    "cor": "Corollary",
    "coro": "Corollary",
    "corr": "Corollary",
    "conj": "Conjecture",
    "defn": "Definition",
    "defi": "Definition",
    "dfn": "Definition",
    "def": "Definition",
    "ax": "Axiom",
    "eg": "Example",
    "exa": "Example",
    "exam": "Example",
    "exm": "Example",
    "exmp": "Example",
    "ex": "Exercise",
    "exer": "Exercise",
    "exo": "Exercise",
    "rmk": "Remark",
    "rem": "Remark",
    "rk": "Remark",
    "pf": "Proof",
    "ques": "Question",
    "qn": "Question",
    "sol": "Solution",
    "soln": "Solution",
    "ans": "Answer",
    "alg": "Algorithm",
    "sproblem": "Problem",
    "dproblem": "Problem",
    "prob": "Problem",
    "obs": "Observation",
    "notn": "Notation",
    "abuse": "Abuse of notation",
    "hw": "Exercise",
    "clm": "Claim",
    "fct": "Fact",
    "nota": "Notation",
    "algorithmic": "Algorithm",
    "hyp": "Hypothesis",
    "assu": "Assumption",
    "conv": "Convention",
}
SECTIONS = {
    "part": 1,
    "chapter": 1,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "addchap": 1,
    "addsec": 2,
}
RUN_IN = _words("paragraph subparagraph")

# What wraps an argument.
WRAPS = {
    **dict.fromkeys(("emph", "textit", "textsl", "vocab", "define", "defn", "term", "defemph"), ("*", "*")),
    **dict.fromkeys(("textbf", "buzzword", "alert", "strong"), ("**", "**")),
    **dict.fromkeys(("texttt", "code", "lstinline", "verb"), ("`", "`")),
    **dict.fromkeys(("footnote", "footnotetext", "thanks", "sidenote", "marginnote"), (" (", ")")),
    **dict.fromkeys(("enquote", "textquote"), ("“", "”")),
    # A sentence may need what is cited as a word, so its key stands for it.
    **dict.fromkeys(
        _words("cite citep citet citeauthor citeyear autocite parencite textcite citealp citealt citenum"),
        ("[", "]"),
    ),
    "textsuperscript": ("^{", "}"),
    "textsubscript": ("_{", "}"),
    "paragraph": ("\n\n**", "** "),
    "subparagraph": ("\n\n**", "** "),
    "caption": ("\n\n", "\n\n"),
    "subcaption": ("\n\n", "\n\n"),
    "captionof": ("\n\n", "\n\n"),
    "frametitle": ("\n\n### ", "\n\n"),
}
# Number of arguments that say nothing, beside those in square brackets.
DROPPED = {
    **dict.fromkeys(
        _words(
            "label index indexdef indexfoot symlabel symbolindex symbolindexing indexalso footcite nocite"
            " vspace hspace pagestyle thispagestyle includegraphics bibliography bibliographystyle"
            " usepackage documentclass RequirePackage input include subfile import includeonly todo"
            " addbibresource pageref phantomsection missingfigure hypersetup tikzset lstset pgfplotsset"
            " geometry graphicspath setlist sisetup captionsetup author institute affiliation address"
            " email date title subtitle keywords pgfmathsetmacro usetikzlibrary usetheme usecolortheme"
            " setmainfont setmonofont setsansfont theoremstyle newcounter newlength PassOptionsToPackage"
            " stepcounter refstepcounter hyphenation cline cmidrule rule hphantom vphantom phantom glsadd"
            " glossary pdfbookmark pg newif usemintedstyle tableofcontents selectlanguage hypertarget tikz"
            " vskip hskip titlespacing linespread fontsize pagenumbering setstretch excludecomment"
            " includecomment makeatletter printbibliography newtheoremstyle declaretheoremstyle"
            " newcolumntype rowcolor cellcolor color pagecolor columncolor acknowledgements chaptermark"
            " sectionmark bookmarksetup microtypesetup DeclareUnicodeCharacter nomenclature printindex"
            " indexsetup specialsection lstdefinestyle lstdefinelanguage tcbset tcbuselibrary"
        ),
        1,
    ),
    **dict.fromkeys(
        _words(
            "setcounter indexsee addtocounter setlength addtolength markboth definecolor colorlet"
            " newtheorem newglossaryentry titleformat crefname Crefname DeclareMathSymbol newacronym"
            " raisebox numberwithin declaretheorem surroundwithmdframed newmdtheoremenv"
            " addtotheorempostheadhook patchcmd"
        ),
        2,
    ),
    **dict.fromkeys(
        ("addcontentsline", "titlecontents", "newenvironment", "renewenvironment", "fontsize"), 3
    ),
    "newtcolorbox": 2,
    "newtcbtheorem": 4,
}
# Their first arguments only say how the last one looks or where it leads.
LAST_ARGUMENT = {
    **dict.fromkeys(
        ("href", "textcolor", "hyperlink", "hyperref", "foreignlanguage", "colorbox", "parbox"), 1
    ),
    **dict.fromkeys(
        ("fbox", "mbox", "makebox", "framebox", "resizebox", "scalebox", "rotatebox", "raisebox"), 0
    ),
    "resizebox": 2,
    "scalebox": 1,
    "rotatebox": 1,
    "raisebox": 1,
    "multirow": 2,
    "fcolorbox": 2,
    "adjustbox": 1,
    "texorpdfstring": 0,
    "adjincludegraphics": 0,
}
# Layout without arguments.
SILENT = _words(
    "noindent indent centering raggedright raggedleft clearpage cleardoublepage newpage pagebreak"
    " nopagebreak bigskip medskip smallskip hfill vfill hrule hline toprule midrule bottomrule"
    " endhead endfirsthead endfoot endlastfoot maketitle tableofcontents listoffigures"
    " listoftables small footnotesize scriptsize tiny large Large LARGE huge Huge normalsize bf it"
    " em rm sf tt sc sl bfseries itshape mdseries upshape rmfamily sffamily ttfamily scshape"
    " slshape normalfont selectfont frontmatter mainmatter backmatter appendix makeindex"
    " printindex protect relax leavevmode null strut sloppy fussy allowbreak linebreak nolinebreak"
    " displaystyle textstyle qed qedhere onecolumn twocolumn doublespacing singlespacing"
    " onehalfspacing makeatletter makeatother begingroup endgroup bgroup egroup ignorespaces"
    " unskip expandafter noexpand global long fi else iftrue iffalse ifpdf or break goodbreak"
    " nobreak boldmath unboldmath flushbottom raggedbottom onslide pause titlepage today"
    " maketitlepage and xspace unskip par@ listhack endinput noalign obeylines parindent parskip"
    " topmatter endtopmatter linenumbers balance IEEEpeerreviewmaketitle"
)
CHARACTERS = {
    "dots": "…",
    "ldots": "…",
    "textellipsis": "…",
    "LaTeX": "LaTeX",
    "TeX": "TeX",
    "LaTeXe": "LaTeX2e",
    "BibTeX": "BibTeX",
    "S": "§",
    "P": "¶",
    "copyright": "©",
    "textcopyright": "©",
    "pounds": "£",
    "euro": "€",
    "ss": "ß",
    "SS": "SS",
    "o": "ø",
    "O": "Ø",
    "l": "ł",
    "L": "Ł",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "aa": "å",
    "AA": "Å",
    "i": "ı",
    "j": "ȷ",
    "dh": "ð",
    "th": "þ",
    "DH": "Ð",
    "TH": "Þ",
    "dj": "đ",
    "DJ": "Đ",
    "textbackslash": r"\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textbar": "|",
    "textless": "<",
    "textgreater": ">",
    "textunderscore": "_",
    "textdollar": r"\$",
    "textquoteright": "’",
    "textquoteleft": "‘",
    "textquotedblleft": "“",
    "textquotedblright": "”",
    "textendash": "–",
    "textemdash": "—",
    "textdegree": "°",
    "textbullet": "•",
    "texttimes": "×",
    "textregistered": "®",
    "texttrademark": "™",
    "textmu": "µ",
    "slash": "/",
    "lbrack": "[",
    "rbrack": "]",
    "textquotesingle": "'",
    "textpm": "±",
    "quad": " ",
    "qquad": " ",
    "space": " ",
    "newline": "\n",
    "par": "\n\n",
    "enspace": " ",
    "thinspace": " ",
    "guillemotleft": "«",
    "guillemotright": "»",
    "ie": "i.e.",
    "eg": "e.g.",
    "nobreakspace": " ",
    "og": "«",
    "fg": "»",
    "lq": "‘",
    "rq": "’",
}
SIGNS = {
    "%": "%",
    "&": "&",
    "#": "#",
    "_": "_",
    "$": r"\$",
    "{": "{",
    "}": "}",
    " ": " ",
    "\n": " ",
    "\t": " ",
    ",": " ",
    ";": " ",
    ":": " ",
    ">": " ",
    "!": "",
    "@": "",
    "-": "",
    "/": "",
    "|": "‖",
    "+": "",
    "<": "",
}
ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    '"': "\u0308",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "v": "\u030c",
    "c": "\u0327",
    "u": "\u0306",
    "H": "\u030b",
    "k": "\u0328",
    "r": "\u030a",
    "d": "\u0323",
    "b": "\u0331",
    "t": "\u0361",
}
NOUNS = {
    "sec": "section",
    "ssec": "section",
    "subsec": "section",
    "section": "section",
    "cha": "chapter",
    "ch": "chapter",
    "chap": "chapter",
    "chapter": "chapter",
    "part": "part",
    "app": "appendix",
    "thm": "theorem",
    "lem": "lemma",
    "prop": "proposition",
    "cor": "corollary",
    "eq": "equation",
    "eqn": "equation",
    "fig": "figure",
    "tab": "table",
    "tbl": "table",
    "def": "definition",
    "defn": "definition",
    "eg": "example",
    "ex": "exercise",
    "prob": "problem",
    "exercise": "exercise",
    "rmk": "remark",
    "rem": "remark",
    "example": "example",
    "q": "question",
    "item": "item",
    "lemma": "lemma",
    "theorem": "theorem",
    "problem": "problem",
    "conj": "conjecture",
    "remark": "remark",
    "alg": "algorithm",
    "lst": "listing",
    "step": "step",
    "ques": "question",
    "claim": "claim",
    "ax": "axiom",
}

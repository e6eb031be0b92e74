"""What becomes of the directives of reStructuredText: which are dropped, and how others begin.

In: the name of a directive and its argument. Out: the lines it begins with. Those of Sphinx are
included, since most reStructuredText there is was written for it.
"""

from synth.documents.formats.rst.inline import Inline


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DROPPED = _words(
    "index toctree contents include literalinclude image raw meta only module moduleauthor sectionauthor"
    " codeauthor currentmodule highlight highlightlang"
    " testsetup testcleanup tabularcolumns program default-role"
    " sectnum section-numbering header footer target-notes"
    " role default-domain autoclass automodule autofunction"
    " automethod autosummary inheritance-diagram graphviz plot bibliography cssclass rst-class youtube video"
    " audit-event-table namespace limited-api-list date unicode replace title restructuredtext-test-directive"
)
CODE = _words(
    "code code-block sourcecode doctest testcode testoutput parsed-literal ipython prompt productionlist"
)
ADMONITIONS = {
    "note": "Note",
    "warning": "Warning",
    "seealso": "See also",
    "tip": "Tip",
    "hint": "Hint",
    "important": "Important",
    "caution": "Caution",
    "danger": "Danger",
    "attention": "Attention",
    "error": "Error",
    "todo": "Todo",
    "impl-detail": "CPython implementation detail",
    "theorem": "Theorem",
    "proof": "Proof",
    "exercise": "Exercise",
    "solution": "Solution",
}
# Their argument is their title.
TITLED = _words("admonition topic sidebar")
# Only what is in them matters.
TRANSPARENT = _words(
    "container compound epigraph highlights pull-quote hlist glossary centered table figure line-block"
    " tab tabs tab-set tab-item details dropdown card grid collapse cond div flat-table"
)
_VERSIONS = {
    "versionadded": "New in version {0}",
    "versionchanged": "Changed in version {0}",
    "versionremoved": "Removed in version {0}",
    "deprecated": "Deprecated since version {0}",
}
_MODULE_LEVEL = _words("function class exception data decorator")
_NO_LANGUAGE = frozenset({"none", "text", "default", "rest"})
_SHORT = {"python3": "python", "py": "python", "pycon3": "pycon"}
_PREFIX = {
    "class": "class ",
    "exception": "exception ",
    "classmethod": "classmethod ",
    "staticmethod": "static ",
}
DESCRIBED = _words(
    "method function data attribute class"
    " exception classmethod staticmethod decorator decoratormethod property"
    " describe option envvar opcode cmdoption object type"
    " macro member var struct enum enumerator union pdbcommand"
    " 2to3fixer coroutinefunction coroutinemethod awaitablefunction"
    " awaitablemethod abstractmethod confval setting"
    " directive role monitoring-event union alias concept"
)


def language_of(name: str, argument: str) -> str:
    """The language of a block of code."""
    said = (argument.split() or [""])[0]
    if said in _NO_LANGUAGE:
        return ""
    if name in ("code", "code-block", "sourcecode") and said.replace("+", "").replace("-", "").isalnum():
        return _SHORT.get(said.lower(), said.lower())
    return {"testcode": "python", "doctest": "pycon"}.get(name, "")


def version_line(name: str, argument: str, inline: Inline) -> str | None:
    """`New in version 3.4: …`, and its like."""
    version, _, said = argument.partition(" ")
    if name == "deprecated-removed":
        removed, _, said = said.partition(" ")
        start = f"Deprecated since version {version}, will be removed in version {removed}"
    elif name in _VERSIONS:
        start = _VERSIONS[name].format(version)
    else:
        return None
    return f"{start}: {inline.write(said)}" if said.strip() else f"{start}:"


def audit_line(argument: str) -> str:
    """What Sphinx writes of an auditing event."""
    event, _, rest = argument.partition(" ")
    names = ", ".join(f"`{name}`" for name in rest.replace(",", " ").split())
    plural = "s" if "," in names else ""
    with_names = f"argument{plural} {names}" if names else "no arguments"
    return f"Raises an auditing event `{event}` with {with_names}."


def signature(name: str, written: str, module: str) -> str:
    """A signature as code, with its module where it stands on the top level of one."""
    plain = written.replace("\\", "").strip()
    before_bracket = plain.partition("(")[0]
    if module and name in _MODULE_LEVEL and "." not in before_bracket:
        plain = f"{module}.{plain}"
    shown = _PREFIX.get(name, "") + ("@" if name.startswith("decorator") else "") + plain
    return f"`{shown}`" if "`" not in shown else f"`` {shown} ``"

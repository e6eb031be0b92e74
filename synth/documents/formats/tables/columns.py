"""Documents that are rows of a table: which columns a row has, and what its document is.

In: a row by its columns. Out: its content, or why there is none. The text stands in one column; where
there is none of the usual names, it is a conversation or a question with its answer. Other columns than
those of the text and of `markup.FIELDS` are ignored.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from synth.config import DocumentsConfig
from synth.documents.content import Content, ReadError
from synth.documents.formats.markup import FIELDS, stated_fields, title_of

TEXT_COLUMNS = ("text", "content", "body", "document", "passage", "markdown")
CHATS = ("messages", "conversations", "conversation")
QUESTIONS, ANSWERS = ("question", "problem"), ("solution", "answer")
# How the two common layouts of a conversation call what is said, and who says it.
_SAID, _SPEAKER = ("content", "value"), ("role", "from")
_SHOWN = 20


def text_columns(names: Iterable[str], config: DocumentsConfig) -> tuple[str, ...]:
    """The columns that hold the text: one, or the question and the answer.

    Raises:
        ReadError: there are none.
    """
    names = list(names)
    if config.text_column:
        if config.text_column in names:
            return (config.text_column,)
    else:
        for name in (*TEXT_COLUMNS, *CHATS):
            if name in names:
                return (name,)
        if question := next((name for name in QUESTIONS if name in names), None):
            return (question, *[name for name in ANSWERS if name in names][:1])
    wanted = config.text_column or " or ".join(TEXT_COLUMNS)
    there = ", ".join(names[:_SHOWN]) or "none"
    raise ReadError(f"no column {wanted} (there: {there}); set documents.text_column")


def columns_read(names: Iterable[str], config: DocumentsConfig) -> list[str]:
    """The columns that are read at all, in their order.

    Raises:
        ReadError: none of them holds text.
    """
    names = list(names)
    wanted = {*text_columns(names, config), *(name for known in FIELDS.values() for name in known)}
    return [name for name in names if name in wanted]


def read_row(row: Mapping[str, Any], config: DocumentsConfig) -> Content | ReadError:
    """The document of one row, given by its columns."""
    try:
        text = "\n\n".join(filter(None, (_text(row, name) for name in text_columns(row, config))))
    except ReadError as fault:
        return fault
    fields = stated_fields({name: _plain(value) for name, value in row.items()})
    return Content(text, **{**fields, "title": fields["title"] or title_of(text)})


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row[column]
    if value is None or isinstance(value, str):
        return value or ""
    if column in CHATS and isinstance(value, list):
        return "\n\n".join(filter(None, map(_said, value)))
    raise ReadError(f"{column} holds no text but {type(value).__name__}")


def _said(message: Any) -> str:
    """What one message says; those of the system are orders to a model, the same in every row."""
    if not isinstance(message, Mapping):
        raise ReadError(f"a message is no object but {type(message).__name__}")
    if any(message.get(name) == "system" for name in _SPEAKER):
        return ""
    return next((message[name] for name in _SAID if isinstance(message.get(name), str)), "")


def _plain(value: Any) -> Any:
    """Dates in words; anything else as it is."""
    return value.isoformat() if hasattr(value, "isoformat") else value

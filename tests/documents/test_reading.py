"""What a reading holds of a document, beyond what its format says."""

from synth.config import DocumentsConfig
from synth.documents.content import Content
from synth.documents.reading import read_content

NAMED = "Ada King <ada@king.org> wrote this page about engines that count."


def test_a_person_is_masked_in_title_and_address_of_a_page_too() -> None:
    content = Content(NAMED, title="Notes of Ada King", url="https://pages.org/~ada@king.org/a-415-555-2671")
    config = DocumentsConfig(paths=[], mask=["email", "phone", "person"])
    found = read_content("", "text", content, config)
    assert (found.title, found.url) == ("Notes of [PERSON]", "https://pages.org/~[EMAIL]/a-415-555-2671")
    assert found.masked == {"person": 1, "email": 1}


def test_a_name_in_the_title_is_masked_in_the_text() -> None:
    content = Content("A page by Ada King.", title="Dr. Ada King")
    found = read_content("", "text", content, DocumentsConfig(paths=[], mask=["person"]))
    assert (found.title, found.text) == ("Dr. [PERSON]", "A page by [PERSON].")


def test_nothing_is_masked_unless_it_is_asked_for() -> None:
    content = Content(NAMED, title="Ada King", url="https://pages.org/~ada@king.org")
    found = read_content("", "text", content, DocumentsConfig(paths=[], mask=[]))
    assert (found.title, found.url, found.text) == ("Ada King", "https://pages.org/~ada@king.org", NAMED)

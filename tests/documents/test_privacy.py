"""What is masked, what is left, and that no text can make it slow."""

import time

import pytest

from synth.documents.privacy import find_personal, mask

ALL = ("email", "phone", "person")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ada.lovelace@uni-london.ac.uk today.", "Write to [EMAIL] today."),
        ("(a+b@c.de, x_y@mail.example.museum)", "([EMAIL], [EMAIL])"),
        ("Call +44 20 7946 0958 or (415) 555-2671.", "Call [PHONE] or [PHONE]."),
        ("Tel.: 030/901820, phone: 212 736 5000", "Tel.: [PHONE], phone: [PHONE]"),
        ("Ada King <ada@analytical.org> wrote. So Ada King said.", "[PERSON] <[EMAIL]> wrote. So [PERSON] said."),
        ("We thank Dr. J. van der Berg and Mrs. O'Neil.", "We thank Dr. [PERSON] and Mrs. [PERSON]."),
        ("Authors: Ada King, Charles Babbage and Mary Shelley\nText.", "Authors: [PERSON], [PERSON] and [PERSON]\nText."),
        ("**Author:** José Muñoz\n\nJosé Muñoz wrote it.", "**Author:** [PERSON]\n\n[PERSON] wrote it."),
        ("_john.smith@corp.com_, __jane@corp.com__", "_[EMAIL]_, __[EMAIL]__"),
        ("john@corp.com1, -jane@corp.com and john@corp.com.", "[EMAIL]1, -[EMAIL] and [EMAIL]."),
        (r"john\@corp.com", "[EMAIL]"),
        ("[write](mailto:john%40corp.com)", "[write](mailto:[EMAIL])"),
        ("josé.muñoz@corp.com, info@münchen.de, a@b.xn--p1ai, john＠corp.com", "[EMAIL], [EMAIL], [EMAIL], [EMAIL]"),
        ("请联系john@corp.com谢谢", "请联系[EMAIL]谢谢"),
        ("Telefon: 030 901820, Tel 030 901820", "Telefon: [PHONE], Tel [PHONE]"),
        ("Call 0049 30 1234567 or +49 30/1234567-0.", "Call [PHONE] or [PHONE]."),
        ("Phone: 415.555.2671. See 415.555.2671", "Phone: [PHONE]. See 415.555.2671"),
        ("Ada  King <ada@king.org>, Ada King", "[PERSON] <[EMAIL]>, [PERSON]"),
        ("We thank Ada\nKing <ada@king.org>. Ada King left.", "We thank [PERSON] <[EMAIL]>. [PERSON] left."),
        ("JOHN SMITH <john@corp.com>", "[PERSON] <[EMAIL]>"),
        ("**Ada King** <ada@king.org>", "**[PERSON]** <[EMAIL]>"),
        ("by Prof.  Ada  King and Dr. Mary\nShelley", "by Prof.  [PERSON] and Dr. [PERSON]"),
        ("We met Dr. King\nThe next day, and Dr.\nShelley.", "We met Dr. [PERSON]\nThe next day, and Dr.\n[PERSON]."),
    ],
)  # fmt: skip
def test_what_points_to_a_person_is_masked(text: str, masked: str) -> None:
    assert mask(text, ALL)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "ISBN 978-0-306-40615-7, 2023-01-15 10:30, 192.168.100.200, 3.14159265358979, 1,000,000,000",
        "10.1016/j.jmb.2004.05.028 and v1.2.3.4567 and 0x1234567890 and 2^31 = 2147483648",
        "$$x = 555-123-4567$$ and\n\n```\ncall(212-736-5000)\n```",
        "By Euler's formula and the Smith normal form, Alice has 3 apples and Bob 5.",
        "a @ b, 3@4, @decorator, x@y",
        "pip install tool@1.2.rc1, 0010 1101 0110 1011, 0012 0034 0056 0078, tel 12 345 678 ones",
        "author: the one who writes. Contact: by letter only.",
    ],
)
def test_what_points_to_nobody_stays(text: str) -> None:
    assert mask(text, ALL) == (text, {})


def test_a_name_behind_a_title_says_nothing_of_the_same_word_elsewhere() -> None:
    assert (
        mask("Prof. Smith used the Smith normal form.", ALL)[0]
        == "Prof. [PERSON] used the Smith normal form."
    )


def test_a_name_that_one_text_gives_away_is_masked_in_the_other() -> None:
    assert mask("Memories of Ada King", ALL, "Ada King <ada@king.org>")[0] == "Memories of [PERSON]"
    assert mask("Memories of Ada King", ("email",), "Ada King <ada@king.org>")[0] == "Memories of Ada King"


def test_only_the_kinds_that_are_asked_for() -> None:
    text = "Dr. Ada King, ada@king.org, +44 20 7946 0958"
    assert mask(text, ()) == (text, {})
    assert mask(text, ("email",)) == ("Dr. Ada King, [EMAIL], +44 20 7946 0958", {"email": 1})
    assert mask(text, ALL)[1] == {"person": 1, "email": 1, "phone": 1}


def test_masking_again_changes_nothing() -> None:
    once, _ = mask("Ada King <ada@king.org>, Dr. Ada King, +44 20 7946 0958", ALL)
    assert mask(once, ALL) == (once, {})


def test_outputs_are_looked_at_for_the_kinds_that_are_masked() -> None:
    assert find_personal("Who is ada@king.org?", ALL) == "email"
    assert find_personal("Who is ada@king.org?", ("phone",)) is None
    assert find_personal("Who has +44 20 7946 0958?", ("email", "phone")) == "phone"
    assert find_personal("Who has Tel.: 030 901820?", ALL) == "phone"
    assert find_personal("Who is Dr. Ada King?", ALL) == "person"
    assert find_personal("What did Ada King (ada@king.org) say?", ("person",)) == "person"
    assert find_personal("Mr. Smith has 3 apples. How many are left?", ALL) is None


@pytest.mark.parametrize(
    "piece",
    [
        "A",
        "Aa ",
        "+1 ",
        "a@",
        "a.",
        "author: Aa Aa ",
        "Dr. ",
        "(123) 456",
        "Aa Aa <",
        "a@a.",
        "tel: 1 ",
        "tel 0",
        "0049 3",
        "Dr.\n",
        "A\n",
        "a%40",
        "a.a@",
        "a\\@a-",
    ],
)
def test_time_grows_with_length_and_no_faster(piece: str) -> None:
    """A bound that only a pattern that goes back over the text again and again can break."""
    begun = time.process_time()
    mask(piece * (500_000 // len(piece)), ALL)
    assert time.process_time() - begun < 10


def test_a_long_gap_behind_a_name_is_looked_at_once() -> None:
    begun = time.process_time()
    mask("Ada King" + " " * 200_000 + "left.", ALL)
    assert time.process_time() - begun < 2

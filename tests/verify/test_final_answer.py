import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.verify.final_answer import final_answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"So it is \boxed{42}.", "42"),
        (r"First \boxed{1}, then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed {7}", "7"),
        (r"\boxed{} but \boxed{3} and \boxed{", "3"),
        ("Thus.\n**Final answer:** $x = 3$", "x = 3"),
        ("The answer is 12.", "12"),
        ("work\n#### 18", "18"),
        ("No result here", None),
        ("", None),
        (r"\boxed{" + "9" * 5_000, None),
        ("answer = " + "9" * 5_000, None),
    ],
)
def test_final_answer(response: str, answer: str | None) -> None:
    assert final_answer(response) == answer


@given(st.text(alphabet="\\boxed{}$ #answer:1\n"))
def test_no_response_breaks_it(response: str) -> None:
    answer = final_answer(response)
    assert answer is None or answer in response

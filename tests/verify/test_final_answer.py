import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.verify.final_answer import final_answer, find_answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"So it is \boxed{42}.", "42"),
        (r"First \boxed{1}, then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed {7}", "7"),
        (r"\boxed{} but \boxed{3} and \boxed{", "3"),
        (r"The answer is 5. No: \boxed{6}", "6"),
        ("Thus.\n**Final answer:** $x = 3$", "x = 3"),
        ("The answer is 12.", "12"),
        ("Therefore, the answer is 12, because 3 times 4 is 12.", "12"),
        ("So the final answer is $\\frac12$. Done.", "\\frac12"),
        ("The correct answer is (B).", "(B)"),
        ("Answer: 3.5", "3.5"),
        ("The answer is 7. Wait.\nThe answer is 8.", "8"),
        ("**Answer**\n\nFinal Answer:\n\n$$x=3$$", "x=3"),
        ("work\n#### 18", "18"),
        ("2 + 3 = 5\nA: 18", "18"),
        ("所以答案是 5。", "5"),
        ("答案：$\\frac{1}{2}$", "\\frac{1}{2}"),
        ("La respuesta final es 12.", "12"),
        ("La réponse est 12.", "12"),
        ("Die Antwort lautet 12.", "12"),
        ("Ответ: 12", "12"),
        ("정답은 12", "12"),
        ("الجواب هو 12", "12"),
        ("We see that\n**12 cm**.", "12 cm"),
        ("<think>The answer is 3.</think>The answer is 4.", "4"),
        ("No result here", None),
        ("We get 5 apples and 6 pears.", None),
        ("", None),
        (r"\boxed{" + "9" * 5_000, None),
        ("answer = " + "9" * 5_000, None),
    ],
)
def test_final_answer(response: str, answer: str | None) -> None:
    assert final_answer(response) == answer


@pytest.mark.parametrize(
    ("response", "answer", "evidence"),
    [
        ("She sells 9 eggs at $2, so she makes 9 * 2 = $<<9*2=18>>18 a day.", "18", "number"),
        ("In total 1,234.50 dollars.", "1,234.50", "number"),
        ("It grows by 12.5%.", "12.5%", "number"),
        ("It is -3.", "-3", "number"),
        ("That leaves 3/4 of it.\nThank you.", "3/4", "number"),
        ("Hence $x = \\frac{3}{4}$ as claimed.", "\\frac{3}{4}", "formula"),
        (r"We find \(n^2+1\).", "n^2+1", "formula"),
        ("I would go for option C.", "C", "option"),
        (r"\boxed{4} is 5", "4", "boxed"),
        ("The answer is 4. I have 5 apples.", "4", "stated"),
        ("All done:\n**4**", "4", "bold"),
    ],
)
def test_answers_without_a_marker(response: str, answer: str, evidence: str) -> None:
    assert find_answer(response, "free") == (answer, evidence)


@pytest.mark.parametrize("response", ["", "No number.", "...", "\n\n", "$$"])
def test_where_there_is_nothing_nothing_is_found(response: str) -> None:
    assert find_answer(response, "free") is None


@settings(deadline=None)
@given(st.text(alphabet="\\boxed{}$ #answer:1\n.*()=²"))
def test_no_response_breaks_it(response: str) -> None:
    answer = final_answer(response)
    assert answer is None or answer in response
    free = find_answer(response, "free")
    assert free is None or free.text in response


def test_long_responses_take_linear_time() -> None:
    for piece in ("the answer is ", "**", "$", r"\boxed{", "9", " answer:\n", "(A) "):
        find_answer(piece * 50_000, "free")

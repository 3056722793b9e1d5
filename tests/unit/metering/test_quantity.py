from __future__ import annotations

from decimal import Context, Decimal, Inexact, localcontext

import pytest

from metering.quantity import EXACT, NotAQuantity, checked, mean, parse, plain


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("42.5", "42.5"),
        ("-7", "-7"),
        ("1E2", "100"),
        ("1e-12", "0.000000000001"),
        ("0e400", "0"),
        ("12345678901234567890", "12345678901234567890"),
        ("99999999999999999999.999999999999", "99999999999999999999.999999999999"),
        ("1.0000000000000", "1"),
        ("100.00", "100"),
    ],
)
def test_a_json_number_is_read_exactly_and_written_plainly(text: str, number: str) -> None:
    assert f"{parse(text):f}" == number


@pytest.mark.parametrize(
    "text",
    [
        "1e30",
        "100000000000000000000",
        "1234567890123456789012345678901234567890",
        "0.1234567890123",
        "1e400",
        "-1e400",
        "1e-400",
        "1e-13",
        "1e99999999999999999999",
        "9" * 65,
    ],
)
def test_more_digits_than_a_report_may_have_are_refused(text: str) -> None:
    with pytest.raises(NotAQuantity, match="more than 20 integer or 12 fractional digits"):
        parse(text)


NOT_NUMBERS = ["", "NaN", "Infinity", "-Infinity", '"1"', "01", "1.", ".5", "+1", "0x1", "1_000", "1 ", "١"]


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_no_json_number_is_refused(text: str) -> None:
    with pytest.raises(NotAQuantity, match="is not a number"):
        parse(text)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_decimal_that_is_not_finite_is_refused(text: str) -> None:
    with pytest.raises(NotAQuantity, match="finite"):
        checked(Decimal(text))


def test_ten_times_a_tenth_is_one() -> None:
    total = Decimal(0)
    for _ in range(10):
        total = EXACT.add(total, parse("0.1"))
    assert str(plain(total)) == "1"


def test_exact_arithmetic_raises_before_it_rounds() -> None:
    with pytest.raises(Inexact):
        EXACT.divide(Decimal(1), Decimal(3))


def test_a_mean_is_rounded_half_even_to_twelve_places() -> None:
    assert mean(Decimal(2), 3) == Decimal("0.666666666667")
    assert mean(Decimal("0.000000000001"), 2) == 0
    assert mean(Decimal("0.000000000003"), 2) == Decimal("0.000000000002")


def test_the_thread_s_own_decimal_context_does_not_matter() -> None:
    with localcontext(Context(prec=2)):
        assert str(parse("12345.678")) == "12345.678"
        assert str(plain(Decimal("1234500.00"))) == "1234500"
        assert mean(Decimal(1000), 3) == Decimal("333.333333333333")

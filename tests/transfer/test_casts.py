"""Legacy texts are read as what they say, and as nothing when they say nothing."""

import psycopg
import pytest

from handrail.transfer.session.quoting import literal
from handrail.transfer.sql import casts

DATES = ("YYYY-MM-DD", "Month DD, YYYY", "MM/DD/YYYY", "DD/MM/YYYY", "DD Mon YYYY", "YYYY-MM-DDT*")
TIMES = ("HH24:MI", "HH12:MI AM", "HH12:MI:SS AM", "HH24MIH", "HH24:MI:SS")


@pytest.fixture(scope="module")
def evaluate(server):
    """Evaluate an expression over `value`."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as session:

        def run(expression, text):
            return session.execute(
                f"select ({expression})::text from (values ({literal(text)})) v(value)"
            ).fetchone()[0]

        yield run


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-08-16", "2025-08-16"),
        ("08/16/2025", "2025-08-16"),
        ("16/08/2025", "2025-08-16"),
        ("August 16, 2025", "2025-08-16"),
        ("16 Aug 2025", "2025-08-16"),
        (" 2025-8-6 ", "2025-08-06"),
        ("2025-08-16T00:00:00.000Z", "2025-08-16"),
        ("05/04/2025", "2025-05-04"),
        ("8/9/2025", "2025-08-09"),
        ("2024-02-29", "2024-02-29"),
        ("2025-02-29", None),
        ("2100-02-29", None),
        ("2000-02-29", "2000-02-29"),
        ("31/04/2025", None),
        ("TBA", None),
        ("", None),
        ("1985", None),
        ("0000-01-01", None),
        ("2025-13-01", None),
        ("Sept 5, 2025", "2025-09-05"),
        ("2025-08-16\u00a0", "2025-08-16"),
        ("2025-08-16'; drop table x", None),
        ("99999-01-01", None),
        ("32/12/2025", None),
    ],
)
def test_a_date_is_read_or_is_null(evaluate, text, day):
    """Every form the seed and the real data hold, and what is no day."""
    assert evaluate(casts.parse_date("value", casts.ordered(DATES, "month_first")), text) == day


def test_the_declared_order_decides_between_two_readings(evaluate):
    """05/04/2025 is what the mapping says it is."""
    assert (
        evaluate(casts.parse_date("value", casts.ordered(DATES, "day_first")), "05/04/2025")
        == "2025-04-05"
    )
    assert (
        evaluate(casts.parse_date("value", casts.ordered(DATES, "day_first")), "08/16/2025")
        == "2025-08-16"
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("08:05", "08:05:00"),
        ("7:58 AM", "07:58:00"),
        ("8:05:33\u202fAM", "08:05:33"),
        ("5:01:09\u202fPM", "17:01:09"),
        ("0805H", "08:05:00"),
        ("12:00 AM", "00:00:00"),
        ("12:30 PM", "12:30:00"),
        ("23:59:59", "23:59:59"),
        ("24:00", None),
        ("13:00 PM", None),
        ("-", None),
        ("", None),
        ("late", None),
        ("8:5", None),
        ("08:60", None),
        ("805H", None),
    ],
)
def test_a_time_of_day_is_read_or_is_null(evaluate, text, moment):
    """Every form the seed and the real data hold, and what is no time."""
    assert evaluate(casts.parse_time("value", TIMES), text) == moment


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("$2a$10$" + "a" * 53, False),
        ("$2b$04$" + "/" * 53, False),
        ("$2y$31$" + "." * 53, False),
        ("$2b$10$" + "a" * 52, True),
        ("$2b$32$" + "a" * 53, True),
        ("changeme", True),
        ("", True),
        ("bcrypt$$2b$10$" + "a" * 53, True),
        ("$2b$10$" + "a" * 53 + "\n", True),
    ],
)
def test_a_hash_has_the_form_of_bcrypt(evaluate, text, wrong):
    """All three prefixes; nothing plaintext, cut off or prefixed."""
    assert evaluate(casts.is_malformed("value", "bcrypt"), text) == str(wrong).lower()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", "2"),
        (" 4 ", "4"),
        ("1st Year", "1"),
        ("II", "2"),
        ("2.0", None),
        ("Irregular", None),
        ("99999999999", None),
    ],
)
def test_listed_words_are_numbers(evaluate, text, number):
    """A declared list first, digits next, else nothing."""
    values = (("1st year", 1), ("ii", 2))
    expression = casts.pick("value", values, "integer", casts.parse_integer("value", "integer"))
    assert evaluate(expression, text) == number


@pytest.mark.parametrize(
    ("target", "most"), [("smallint", 32767), ("integer", 2147483647), ("bigint", 2**63 - 1)]
)
def test_every_number_of_a_type_is_read_and_none_beyond(evaluate, target, most):
    """The last one as well: a number that fits is never said to be none."""
    read = casts.parse_integer("value", target)
    for text, number in (
        (str(most), str(most)),
        (str(-most - 1), str(-most - 1)),
        (f"+000{most}", str(most)),
        (str(most + 1), None),
        (str(-most - 2), None),
        ("9" * 41, None),
    ):
        assert evaluate(read, text) == number


@pytest.mark.parametrize(
    ("text", "meant"), [("1", "true"), ("No", "false"), ("maybe", None), ("TRUE ", "true")]
)
def test_words_are_booleans(evaluate, text, meant):
    """The usual words, and nothing guessed."""
    assert evaluate(casts.parse_boolean("value", "text"), text) == meant


@pytest.mark.parametrize(
    ("form", "cast", "good"),
    [
        ("YYYY-MM-DD", "date", True),
        ("YYYY-MM", "date", False),
        ("HH24:MI", "time", True),
        ("HH12:MI", "time", False),
        ("MM/DD", "date", False),
    ],
)
def test_a_format_names_all_parts(form, cast, good):
    """Half a format would read half a date."""
    assert casts.well_formed(form, cast) is good

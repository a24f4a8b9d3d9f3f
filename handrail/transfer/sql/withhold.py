"""The generated SQL as people may see it: what a mapping says of secret columns is left out."""

import re
from collections.abc import Iterator

from handrail.transfer.session.quoting import plain
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan

WITHHELD = "'withheld'"
# A quoted name, which stays as it is, or a text: in quotes, or between dollars in a `sql:` rule.
QUOTED = re.compile(
    r""" "(?:[^"]|"")*" | '(?P<text>(?:[^']|'')*)' | \$(?P<tag>\w*)\$(?P<raw>.*?)\$(?P=tag)\$ """,
    re.DOTALL | re.VERBOSE,
)
# How a hash says what made it, as `bcrypt$`, `$2b$12$` or `argon2$argon2id$v=19$`: it is what there
# is to see; a salt is not, nor what stands in for a lost password.
SCHEME = re.compile(
    r"(?:argon2|bcrypt|crypt|md5|pbkdf2|scrypt|sha(?:1|256|512))"
    r"|(?:[a-z][a-z0-9_]*|\$2[abxy]?|\$[1567y]|\$argon2(?:d|i|id))"
    r"\$(?:(?:\d+|2[abxy]|argon2(?:d|i|id)|v=\d+|(?:[mtp]=\d+,?)+)?\$)*"
)
ESCAPES = re.compile(r"^\^|\\(?=\$)")  # of a regular expression
COLUMN = re.compile(
    r'\{(?:"(?:[^"]|"")+"|[^{}]*)\}'
)  # of a placeholder, which is put together from what is between
# Shorter texts are withheld where they stand alone; a piece of some other text they may well be.
TELLING = 4


def shown_sql(plan: Plan) -> str:
    """Return every generated SELECT, with the values that secret columns are given left out."""
    hidden = set(filter(_is_hidden, _given(plan)))

    def shown(found: re.Match[str]) -> str:
        text = _text(found)
        tells = text in hidden or any(len(each) >= TELLING and each in text for each in hidden)
        return WITHHELD if tells else found.group(0)

    return QUOTED.sub(shown, plan.sql()) if hidden else plan.sql()


def _given(plan: Plan) -> Iterator[str]:
    """Yield every text that the rules of secret columns write into SQL."""
    for table in plan.tables:
        for column in table.columns:
            if column.secret:
                yield from _texts(column)


def _is_hidden(text: str) -> bool:
    return text != "" and not SCHEME.fullmatch(ESCAPES.sub("", text))


def _texts(column: ColumnPlan) -> Iterator[str]:
    """Yield every text that the rule of a column writes into SQL, as it is written there."""
    rule = column.rule
    listed = dict(rule.values)
    given = filter(None, (rule.constant, rule.default, rule.sentinel))
    for value in (*(each.value for each in given), *listed.values()):
        yield from (plain(value), plain(value, column.type))
    for text in listed:
        yield text.strip().lower()
    yield from COLUMN.split(rule.placeholder or "")
    yield from map(_text, QUOTED.finditer(rule.sql or ""))


def _text(found: re.Match[str]) -> str:
    """Return the text of a token; nothing for a name."""
    return found["raw"] or (found["text"] or "").replace("''", "'")

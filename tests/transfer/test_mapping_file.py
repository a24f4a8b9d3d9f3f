"""A mapping file is read as it looks; what YAML would read otherwise is refused with its line."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from handrail.transfer.mapping import mapping
from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.mapping.words import ColumnWords


@pytest.fixture
def problems(tmp_path):
    """Read a text, or bytes; return what is wrong with it, as `line: what; fix`."""

    def read(text, **options):
        path = tmp_path / "mapping.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            mapping.load(path, **options)
        except MappingRefused as refused:
            return [str(each).removeprefix(f"{path}:") for each in refused.problems]
        return []

    return read


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("tables:\n  t: {copy: [id, =]}\n", 2, "`=` cannot be read"),
        ("tables:\n  t: {copy: [id, no]}\n", 2, "YAML reads `no` as true or false"),
        ("tables:\n  t: {<<: {copy: [id]}}\n", 2, "`<<` merges nothing here"),
        ("tables:\n  t: {}\n  t: {}\n", 3, "`t` stands twice here"),
        ("tables:\n  t: &t\n    drop: *t\n", 2, "stands for what holds it"),
        ("tables:\n  t: *t\n", 2, "undefined alias"),
        ("tables:\n  t: !!python/object:os.system {}\n", 2, "the tag `"),
        ("tables:\n  t: !x {}\n", 2, "the tag `!x`"),
        ("tables:\n\tt: {}\n", 2, "'\\t'"),
        (b"\xef\xbb\xbftables: {}\n", 1, "a byte order mark"),
        ("tables:\n  t: {}\ufeff\n", 2, "a byte order mark"),
        ("tables:\n  t: {copy: 'a\0b'}\n", 2, "0x0000"),
        ('tables:\n  t: {copy: ["a\\0b"]}\n', 2, "what no database takes"),
        ('tables:\n  t: {columns: {a: {constant: "\\ud800"}}}\n', 2, "what no database takes"),
        ("tables:\n  t:\u2028 {}\n", 2, "0x2028"),
        (b"tables:\n  \xff: {}\n", 2, "not UTF-8"),
        ("tables: []\n", 1, "tables holds no `key: value` lines"),
        ("tables:\n  t: [id]\n", 2, "table `t` holds no `key: value` lines"),
        ("tables:\n  t:\n    columns: {a: null}\n", 3, "column `t.a` holds no `key: value` lines"),
        ("- tables\n", 1, "the file holds no `key: value` lines"),
        ("", 1, "the mapping is empty"),
        ("tables:\n  t:\n    copy: " + "[" * 5000, 3, "nested too deeply"),
        ("tables: {}\n---\ntables: {}\n", 2, "a second document"),
        ("? [a, b]\n: {}\n", 1, "this key is not a name"),
        ("%YAML 9.0\n---\ntables: {}\n", 1, "this is not YAML"),
        ("tables:\n  t: {columns: {a: {constant: 2024-02-30}}}\n", 2, "cannot be read"),
        ("tables:\n  t: {columns: {a: {constant: 12:30}}}\n", 2, "as the number 750"),
        ("tables:\n  t: {columns: {a: {constant: 0644}}}\n", 2, "as the number 420"),
        ("tables:\n  t: {columns: {a: {constant: 3.10}}}\n", 2, "as the number 3.1"),
        ("tables:\n  t: {columns: {a: {constant: +63912}}}\n", 2, "as the number 63912"),
        ("tables:\n  t: {columns: {a: {constant: on}}}\n", 2, "as true or false"),
        ("tables:\n  t: {quarantine: [{when: x, reason: no}]}\n", 2, "as true or false"),
        ("tables:\n  t: {drop: {a: {reason: 1.50, optional: true}}}\n", 2, "as the number 1.5"),
    ],
)
def test_what_yaml_reads_oddly_is_refused_once_with_its_line(problems, text, line, told):
    """Never a traceback, never a value that looks otherwise."""
    found = problems(text)

    assert len(found) == 1
    assert found[0].startswith(f"{line}: ")
    assert told in found[0]
    assert "; " in found[0]


def test_aliases_that_stand_for_more_than_fits_are_refused(problems):
    """A thousand million rules out of ten lines."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    assert any("aliases make this endless" in each for each in problems("\n".join(lines)))


def test_names_are_taken_as_they_are_written(tmp_path):
    """Quoted, any name can stand anywhere; as a key also unquoted."""
    path = tmp_path / "mapping.yaml"
    path.write_text(
        'tables:\n  "null": {copy: ["no", "on", "2024", "a: b", "~"]}\n  2024:\n'
        '    columns: {no: {from: "yes"}, null: {}}\n',
        encoding="utf-8",
    )

    first, second = mapping.load(path).tables

    assert (first.name, [each.name for each in first.columns]) == (
        "null",
        ["no", "on", "2024", "a: b", "~"],
    )
    assert (second.name, [(each.name, each.source) for each in second.columns]) == (
        "2024",
        [("no", "yes"), ("null", "null")],
    )


def test_everything_wrong_is_told_at_once(problems):
    """Of the file's form, of its words, and of what does not fit together."""
    found = problems(
        """tables:
  t:
    copi: [id]
    columns:
      a: {cast: dat, formats: [YYYY-MM-DD], secret: 1}
      b: {when_null: quarantine, when_too_long: placeholder}
      c: {lookup: {tabel: x, column: y}}
      d: {from: x, sql: y}
      e: {constant: no}
    drop: {f: "", g: {reason: x, optionl: true}}
    quarantine: [{when: x}]
drop_tables: []
"""
    )

    assert [each.partition("; ")[0] for each in found] == [
        "3: unknown key `copi` in table `t`",
        "5: `t.a`: cast is `dat`",
        "5: `t.a`: secret is neither true nor false",
        "6: `t.b` keeps rows out without a reason",
        "6: `t.b` names no placeholder",
        "7: lookup `t.c` has no `table`",
        "7: lookup `t.c` has no `through`",
        "7: unknown key `tabel` in lookup `t.c`",
        "8: `t.d` takes its value from from and sql",
        "9: YAML reads `no` as true or false",
        "10: unknown key `optionl` in drop `g`",
        "10: `f` is dropped without a reason",
        "11: a quarantine rule of `t` has no `reason`",
        "12: drop_tables holds no `key: value` lines",
    ]
    assert "did you mean `table`?" in found[7]


@pytest.mark.parametrize(
    ("zone", "advised"),
    [
        ("+08:00", "`Asia/Manila`"),
        ("UTC+8", "`Asia/Manila`"),
        ("GMT+8", "`Asia/Manila`"),
        ("Etc/GMT+8", "`Asia/Manila`"),
        ("-0500", "`America/New_York`"),
        ("+05:30", "`Asia/Kolkata`"),
        ("Asia/Manilla", "did you mean `Asia/Manila`?"),
        ("asia/manila", "did you mean `Asia/Manila`?"),
        ("Manila", "did you mean `Asia/Manila`?"),
        ("EST5EDT", "did you mean `America/New_York`?"),
        ("CET", "did you mean `Europe/Berlin`?"),
        ("PST", "did you mean `America/Los_Angeles`?"),
        ("<+08>-8", "the name of a place"),
        ("localtime", "the name of a place"),
        ("utc", "did you mean `UTC`?"),
    ],
)
def test_a_zone_that_is_no_iana_name_is_refused_with_what_is_meant(problems, zone, advised):
    """PostgreSQL reads offsets as POSIX does, with the sign the other way, and says nothing."""
    found = problems(f'tables:\n  t:\n    columns:\n      a: {{zone: "{zone}"}}\n')

    assert len(found) == 1
    assert found[0].startswith(f"4: `t.a`: zone is `{zone}`, which is not a time zone; ")
    assert advised in found[0]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Manila", "America/Argentina/Buenos_Aires", "Japan"])
def test_a_zone_by_its_iana_name_is_taken(problems, zone):
    """Of a place, or UTC."""
    assert problems(f"tables:\n  t: {{columns: {{a: {{zone: {zone}}}}}}}\n") == []


def test_lines_that_nobody_has_decided_are_refused_all_at_once(problems):
    """In a comment and in a reason; a text that merely holds the word is none."""
    text = """# Decide each line that says CHECK.
tables:
  t:
    copy: [id, CHECK_NO, CHECKSUM]
    columns:
      a: {from: b}  # CHECK: another name
      c: {when_null: quarantine, reason: "CHECK: it is no date"}
      d: {constant: "# CHECK: this is a value"}
    drop:
      e: the destination has a CHECK for it
      f: CHECK
"""
    found = problems(text)

    assert [each.split(":")[0] for each in found] == ["6", "7", "11"]
    assert all("nobody has decided this yet" in each for each in found)
    assert problems(text, undecided=True) == []


def _dumped(data):
    """Write data as YAML does, tags and anchors included."""
    return yaml.dump(data, allow_unicode=True).encode("utf-8", "surrogatepass")


def refusal(path):
    """Return what a file is refused for; nothing where it is taken."""
    try:
        assert mapping.load(path, undecided=True).digest
    except MappingRefused as refused:
        return refused.problems
    return ()


WORDS = st.sampled_from(
    ["tables", "drop_tables", "t", "copy", "columns", "from", "sql", "cast", "date", "when_null",
     "quarantine", "reason", "max_quarantined", "lookup", "generated", "null", "no", "=", "<<"]
)  # fmt: skip
SCALARS = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=30,
)
YAML_TEXT = st.text("{}[]&*!|>'\"#:-?, =<%\n\ttabclesno019.~", max_size=60)


@given(st.binary(max_size=200) | YAML_TEXT.map(str.encode) | ANYTHING.map(_dumped))
@settings(max_examples=400, deadline=None)
def test_no_file_whatever_is_in_it_gives_a_traceback(tmp_path_factory, content):
    """It is a mapping, or it is refused with a line of it and what to do."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    lines = max(1, len(content.splitlines()))

    for problem in refusal(path):
        assert 1 <= problem.place.line <= lines + 1
        assert problem.what
        assert problem.fix


@pytest.mark.parametrize(
    ("written", "total", "allowed"),
    [
        (2, 1000, 2),
        ("15%", 10, 1),
        ("3 or 15%", 10, 3),
        ("3 or 15%", 1000, 150),
        (" 3 or 2.5 % ", 1000, 25),
    ],
)
def test_a_bound_is_a_number_a_share_or_whichever_is_more(written, total, allowed):
    """One odd row is a large share of a small table."""
    limit = ColumnWords.model_validate({"max_nulled": written}).max_nulled
    assert limit.of(total) == allowed
    again = str(limit) if limit.percent is not None else limit.rows
    assert ColumnWords.model_validate({"max_nulled": again}).max_nulled == limit


@pytest.mark.parametrize("written", ["3 or", "or 5%", "-1 or 5%", "3 or 101%", "3or5%", "٣%", True])
def test_a_bound_of_another_form_is_refused(written):
    """Nothing is guessed."""
    with pytest.raises(ValidationError, match="said"):
        ColumnWords.model_validate({"max_nulled": written})

"""The reference and the JSON Schema in `docs/` are what the words themselves say."""

from pathlib import Path

import pytest

from handrail.transfer.mapping import mapping, reference
from handrail.transfer.mapping.rules import Action, Fault
from handrail.transfer.mapping.words import ColumnWords

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("name", "made", "by"),
    [
        ("mapping.md", reference.page, "words"),
        ("mapping.schema.json", reference.schema_text, "schema"),
    ],
)
def test_the_docs_are_what_the_command_prints(name, made, by):
    """A word that changes changes its page; `handrail mapping words` and `schema` write them."""
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == made(), f"handrail mapping {by} > docs/{name}"


def test_every_word_and_act_is_told():
    """None without its meaning."""
    page = reference.page()
    for name, field in ColumnWords.model_fields.items():
        assert f"- `{field.alias or name}` (" in page
        assert field.description
    assert all(f"- `{action}`: " in page for action in set(Action) - {Action.DEFAULT})
    assert {f"when_{fault}" for fault in Fault} <= ColumnWords.model_fields.keys()


def test_the_example_of_the_page_is_a_mapping(tmp_path):
    """It reads as it stands there."""
    path = tmp_path / "mapping.yaml"
    path.write_text(reference.EXAMPLE, encoding="utf-8")
    (table,) = mapping.load(path).tables
    assert (table.name, table.source, table.limit.percent) == ("accounts", "Users", 2)


def test_the_schema_knows_every_part_and_no_other_word():
    """Editors mark what is unknown, as the reader refuses it."""
    found = reference.schema()
    parts = [found, *(part for part in found["$defs"].values() if "properties" in part)]
    assert len(parts) >= 5
    assert all(part["additionalProperties"] is False for part in parts)
    assert {"from", "copy", "also"} <= set(found["$defs"]["TableWords"]["properties"])

"""A drafted mapping is a start: accepted as it is, with every guess marked."""

from handrail.transfer.draft import draft
from handrail.transfer.read import preflight
from handrail.transfer.sql.compile import open_plan


def test_a_draft_is_accepted_and_marks_its_guesses(loaded, tmp_path):
    """It compiles against both databases, and says CHECK where a person decides."""
    text = draft(loaded.source, loaded.destination)
    path = tmp_path / "draft.yaml"
    path.write_text(text, encoding="utf-8")

    plan = open_plan(path, loaded.source, loaded.destination, undecided=True)

    assert {table.name for table in plan.tables} == {t.name for t in loaded.plan.tables} - {
        "auth_user"
    }
    assert text.count("CHECK") > 20
    assert "order: month_first" in text
    assert "from: image_path" in text
    assert "staff_audit" in text
    report = preflight.check(plan, loaded.source, loaded.destination)
    assert sum(table.rows for table in report.tables) > 0

"""A mapping is refused with every reason at once, each with its line and what to do."""

import pytest

from handrail.clients.errors import ClientError
from handrail.transfer.mapping import mapping
from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.sql.compile import open_plan

RANK = "the Django app keeps no rank of a cadet; it stays in the archived legacy database"


def refusal(path, pair):
    """Return the problems with which the mapping is refused."""
    with pytest.raises(MappingRefused) as caught:
        open_plan(path, pair.source, pair.destination)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "what", "offset"),
    [
        (
            "    copy: [id, address, birthdate]",
            "    copi: [id, address, birthdate]",
            "unknown key `copi`",
            0,
        ),
        (
            'email: {when_too_long: "null", ',
            'email: {when_to_long: "null", ',
            "unknown key `when_to_long`",
            0,
        ),
        ("cast: integer", "cast: int", "choose one of", 0),
        ("order: month_first", "ordr: month_first", "unknown key `ordr`", 0),
        ('max_quarantined: "40%"', "max_quarantined: many", "max_quarantined is `many`", 0),
        (
            f"rank: {RANK}",
            'rank: ""',
            "dropped without a reason",
            0,
        ),
        (
            "{default: Ongoing, when_too_long: truncate}",
            "{default: Ongoing, default: x}",
            "stands twice",
            0,
        ),
    ],
)
def test_a_malformed_rule_is_refused_with_its_line(rewritten, loaded, old, new, what, offset):
    """Each finding names file, line and a fix."""
    path, line = rewritten(old, new)
    found = [p for p in refusal(path, loaded) if what in p.what or what in p.fix]
    assert found
    assert found[0].place.line == line + offset
    assert str(found[0]).startswith(f"{path}:{line}: ")
    assert found[0].fix


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            f"      rank: {RANK}\n",
            "",
            "source column `cadets.rank` is not declared",
        ),
        ("      battalion: the", "      battalions: the", "there is no source column `battalions`"),
        (
            "    copy: [id, address, birthdate]",
            "    copy: [id, address, birthdate, age]",
            "there is no source column `age`",
        ),
        (
            "      image_url: {from: image_path, link: true}\n",
            "      image_file: {from: image_path, link: true}\n",
            "is no destination column",
        ),
        (
            "      image_url: {from: image_path, link: true}\n",
            "",
            "destination column `activity_images.image_url` is NOT NULL",
        ),
        (
            "      last_location_at: {zone: UTC}\n",
            "      last_location_at: {}\n",
            "a timestamp without zone needs one",
        ),
        (
            "        cast: json\n        shape: object\n",
            "",
            "the source is text, the destination jsonb",
        ),
        (
            "coalesce({is_approved}, 0) = 0",
            "coalesce({approved}, 0) = 0",
            "there is no source column `approved`",
        ),
        (
            "not coalesce({is_archived}, false)",
            "not coalesce({is_archived}, 'perhaps')",
            "PostgreSQL says",
        ),
        (
            "  staff_audit: {reason: the Django app audits staff in audit_logs, optional: true}",
            "  staff_audits: {reason: x}",
            "source table `staff_audit` is not declared",
        ),
        (
            "column: created_at, through: training_day_id",
            "column: created, through: training_day_id",
            "looks up `training_days.created`",
        ),
        (
            "      keys:\n        cast: json",
            "      keys:\n        cast: date\n        formats: [YYYY-MM-DD]",
            "`cast: date` does not give jsonb",
        ),
        (
            "      image_path: {link: true}\n      images",
            '      image_path: {link: true, when_orphan: "null"}\n      images',
            "has no foreign key",
        ),
    ],
)
def test_a_mapping_that_contradicts_the_databases_is_refused(rewritten, loaded, old, new, what):
    """Undeclared, unknown and contradicting rules are found before anything is written."""
    path, _ = rewritten(old, new)
    found = [problem for problem in refusal(path, loaded) if what in problem.what]
    assert found
    assert found[0].place.file == str(path)
    assert found[0].fix


def test_all_problems_are_reported_at_once(tmp_path, loaded, rewritten):
    """An operator mends the whole file in one go."""
    path, _ = rewritten("      rank: the", "      ranks: the")
    path.write_text(path.read_text().replace("corp_position:", "corps_position:"), encoding="utf-8")
    assert len(refusal(path, loaded)) == 4


def test_the_mapping_of_this_project_is_accepted(loaded):
    """The lazily created table and column may be there or not."""
    assert len(loaded.plan.tables) == 20
    loaded_names = [table.name for table in loaded.plan.tables]
    assert loaded_names.index("activities") < loaded_names.index("activity_images")
    assert "select" in loaded.plan.sql()


def test_a_source_without_what_is_created_lazily_is_accepted(pair):
    """The legacy server makes some parts only on first use."""
    pair.legacy("drop table staff_audit")
    pair.legacy("alter table training_staff drop column qr_code_data")
    assert open_plan(pair.mapping, pair.source, pair.destination).digest


def test_the_digest_follows_mapping_and_schemas(pair, rewritten):
    """A changed rule or a changed table makes another plan; a changed row does not."""
    before = pair.plan.digest
    pair.legacy("update cadets set rank = 'x'")
    assert open_plan(pair.mapping, pair.source, pair.destination).digest == before
    path, _ = rewritten("default: Ongoing", "default: Unknown")
    assert open_plan(path, pair.source, pair.destination).digest != before
    pair.django("alter table cadets alter column course type varchar(300)")
    assert open_plan(pair.mapping, pair.source, pair.destination).digest != before


def test_a_broken_file_is_named_with_its_line(tmp_path):
    """What is not YAML is refused where it stops being YAML."""
    path = tmp_path / "broken.yaml"
    path.write_text("tables:\n  a: [1, 2\n  b: {}\n")
    with pytest.raises(MappingRefused) as caught:
        mapping.load(path)
    assert caught.value.problems[0].place.line == 3
    with pytest.raises(ClientError, match="no_such"):
        mapping.load(tmp_path / "no_such.yaml")

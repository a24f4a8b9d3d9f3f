"""An export is whole or not there, and nobody changes it unseen."""

import hashlib
import json

import pytest

from handrail.transfer.load import load
from handrail.transfer.read import export
from handrail.transfer.read.export import ExportFailed
from handrail.transfer.read.files import ExportDamaged, check_export
from operations.left_aside import left_aside


@pytest.fixture
def exported(loaded, tmp_path):
    """An export of the seed."""
    export.export(loaded.plan, loaded.source, loaded.destination, tmp_path / "e", chunk_rows=25)
    return tmp_path / "e"


def test_export_creates_json_files_and_a_manifest(loaded, exported):
    """One object a line; the manifest accounts for rows, bytes and sha256 of each file."""
    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["digest"] == loaded.plan.digest
    assert manifest["source_version"] // 10000 == loaded.plan.source.server_version // 10000
    assert [table["table"] for table in manifest["tables"]] == [t.name for t in loaded.plan.tables]
    for table in manifest["tables"]:
        for chunk in table["chunks"]:
            content = (exported / chunk["rows"]["name"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == chunk["rows"]["sha256"]
            assert len(content) == chunk["rows"]["size_bytes"]
            rows = [json.loads(line) for line in content.splitlines()]
            assert len(rows) == chunk["rows"]["rows"]
            assert all(list(row) == [name for name, _ in table["columns"]] for row in rows)
    assert loaded.server.password not in (exported / "manifest.json").read_text()
    assert exported.stat().st_mode & 0o077 == 0


def test_import_handles_missing_foreign_keys(pair, exported):
    """Rows whose parent is gone are kept out with their reason, and the import goes on."""
    result = load.load_export(pair.plan, exported, pair.destination)
    letters = next(table for table in result.tables if table.table == "excuse_letters")
    assert letters.quarantined > 0
    reasons = pair.django(
        "select distinct reason from _migration.quarantine where table_name = 'excuse_letters'"
    )
    assert any("not moved" in reason for (reason,) in reasons)
    assert pair.django(
        "select count(*) from excuse_letters e "
        "where not exists (select 1 from cadets c where c.id = e.cadet_id)"
    ) == [(0,)]


@pytest.mark.parametrize("damage", ["edit", "cut", "remove", "add"])
def test_an_edited_export_is_refused_with_the_file(exported, damage, loaded):
    """Whatever was done to it, the file is named and nothing is read."""
    file = next(iter(sorted(exported.glob("*users.0000.ndjson"))))
    content = file.read_bytes()
    if damage == "edit":
        file.write_bytes(content.replace(b"cadet", b"admin", 1))
    elif damage == "cut":
        file.write_bytes(content[:-20])
    elif damage == "remove":
        file.unlink()
    else:
        file = exported / "99-extra.ndjson"
        file.write_text("{}\n")
    with pytest.raises(ExportDamaged) as caught:
        check_export(exported)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [file.name]


def test_rows_and_manifest_edited_together_are_refused_by_the_hash(pair, exported):
    """Who mends the sha256 as well still cannot make the rows hash as they were read."""
    file = next(iter(sorted(exported.glob("*-staff_messages.0000.ndjson"))))
    content = file.read_bytes().replace(b'"content":"', b'"content":"not ', 1)
    file.write_bytes(content)
    manifest = json.loads((exported / "manifest.json").read_text())
    table = next(table for table in manifest["tables"] if table["table"] == "staff_messages")
    table["chunks"][0]["rows"] |= {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
    }
    (exported / "manifest.json").write_text(json.dumps(manifest))
    assert check_export(exported)
    with pytest.raises(load.LoadFailed, match="staff_messages"):
        load.load_export(pair.plan, exported, pair.destination)
    assert pair.django("select count(*) from staff_messages") == [(0,)]


def test_a_failed_table_fails_the_export(pair, tmp_path):
    """Nothing of an export is kept when one table cannot be read."""
    plan = pair.plan
    pair.legacy("alter table sync_events rename column payload to content")
    with pytest.raises(ExportFailed, match="payload"):
        export.export(plan, pair.source, pair.destination, tmp_path / "e", preflighted=True)
    assert list(tmp_path.iterdir()) == []


def test_an_export_is_not_written_over(loaded, exported):
    """An existing directory is refused."""
    with pytest.raises(ExportFailed, match="exists"):
        export.export(loaded.plan, loaded.source, loaded.destination, exported)


def test_a_foreign_export_is_not_imported(pair, exported, tmp_path):
    """An export of another mapping, or a directory that is none."""
    pair.django("alter table cadets alter column course type varchar(300)")
    with pytest.raises(ExportDamaged, match="another mapping"):
        load.load_export(pair.plan, exported, pair.destination)
    with pytest.raises(ExportDamaged, match="missing"):
        check_export(tmp_path)


def test_what_was_kept_out_and_changed_is_written_to_files(loaded, tmp_path):
    """Quarantine and adjustments of a streamed load leave the database as NDJSON too."""
    quarantine, adjusted = export.write_evidence(loaded.plan, loaded.destination, tmp_path)
    assert quarantine.rows == sum(table.quarantined for table in loaded.result.tables)
    assert adjusted.rows >= sum(table.adjusted for table in loaded.result.tables)
    row = json.loads((tmp_path / "quarantine.ndjson").read_text().splitlines()[0])
    assert {"table_name", "source_table", "key", "reason", "row_data"} <= set(row)
    changed = [json.loads(line) for line in (tmp_path / "adjusted.ndjson").read_text().splitlines()]
    assert all(
        row["source_table"] == loaded.plan.table(row["table_name"]).source for row in changed
    )
    assert {row["source_column"] for row in changed} >= {"password"}


def test_what_goes_to_the_ledger_of_both_lists_is_every_row_and_no_value(loaded, tmp_path):
    """Numbers by table and reason, and keys; the old and new values stay in the files."""
    quarantine, adjusted = export.write_evidence(loaded.plan, loaded.destination, tmp_path)

    told = left_aside(tmp_path)

    assert sum(each["rows"] for each in told["kept_out"]) == quarantine.rows
    assert sum(each["rows"] for each in told["adjusted"]) == adjusted.rows
    assert all(len(each["keys"]) <= each["rows"] for each in told["kept_out"])
    changed = [json.loads(line) for line in (tmp_path / "adjusted.ndjson").read_text().splitlines()]
    values = {row["old_value"] for row in changed if len(str(row["old_value"]).split()) > 3}
    assert values
    assert not any(value in json.dumps(told, ensure_ascii=False) for value in values)


def test_lists_that_are_not_there_tell_nothing(tmp_path):
    """A load that kept all as it was leaves none behind."""
    assert left_aside(tmp_path) == {"kept_out": [], "adjusted": []}

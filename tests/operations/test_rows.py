"""The rows of a night, carried by the real command line between two real databases."""

import json
import re
import shutil
import threading
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
import yaml

from handrail.ledger.run import fold
from handrail.ledger.store import SqliteLedger
from handrail.testing.forking import Ran, forked
from handrail.testing.lab import COMMAND
from operations import export_ahead
from tests.operations.cloud import cloud
from tests.operations.databases import MAPPING, server
from tests.operations.desk import ROOT, Desk, clauses

SIDES = """source=here.source, destination=here.destination,
    mapping=here.mapping, """
BACKUP = """
backup.take(
    task="9.1.1", name="Back up the Django database", on="production",
    database=here.destination, label="django", directory=here.directory,
)
"""
EARLY = """
freeze.writes(
    task="8.5", name="Stop writes before the rows move, if the long way is asked for",
    on="production", asked=here.freeze_before_load,
)
"""
EXPORT = f"""
data.export(
    task="9.2", name="Export all legacy tables", on="production",
    {SIDES}directory=here.directory,
)
"""
LOAD = f"""
data.load(
    task="9.3", name="Load all rows into the Django database", on="production",
    {SIDES}directory=here.directory, label="django", workers=1,
)
"""
FOLLOW = f"""
data.catch_up(
    task="9.3.1", name="Follow the legacy database", on="production",
    {SIDES}directory=here.directory, bound_seconds=300,
)
"""
LAST = f"""
data.catch_up(
    task="9.3.2", name="Bring the last rows over", on="production",
    {SIDES}directory=here.directory, bound_seconds=0,
)
"""
EQUAL = f"""
verify.rows_are_equal(
    task="9.4", name="Compare both sides", on="production",
    {SIDES}directory=here.directory,
)
"""
# The seed's own sequence lies behind its rows, as sequences of real legacy data do.
NEW_DAY = """
insert into training_days (id, date, title)
select max(id) + 1, '2026-10-04', 'written meanwhile' from training_days
"""
WRITTEN = "select count(*) from training_days where title = 'written meanwhile'"


@pytest.fixture
def desk(tmp_path):
    """An operator's folder with both databases."""
    folder = tmp_path / "desk"
    folder.mkdir()
    with ExitStack() as stack:
        made = Desk(folder, stack)
        made.with_databases()
        yield made
        cloud().standin.faults.forget()


def ask(desk, side, query):
    """Ask, or tell, one side."""
    with psycopg.connect(desk.databases.url[side], autocommit=True) as session:
        cursor = session.execute(query)
        return cursor.fetchone()[0] if cursor.description else None


def tell(statement):
    """Let the server's superuser do something that the databases' owner may not."""
    with psycopg.connect(server().url("postgres"), autocommit=True) as session:
        session.execute(statement)


@contextmanager
def written_to(desk):
    """Let somebody write on the legacy side all the time, until they are refused."""
    stop = threading.Event()

    def write():
        try:
            with psycopg.connect(desk.databases.url["legacy"], autocommit=True) as session:
                while not stop.wait(0.01):
                    session.execute(NEW_DAY)
        except psycopg.Error:
            stop.set()  # the freeze has ended this session, as it ends every other

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield stop
    finally:
        stop.set()
        writer.join()


def went(ran):
    """See a command end well; what it said is shown where it did not."""
    assert ran.code == 0, ran.said


def entries(desk):
    """Return what the ledger holds."""
    return SqliteLedger(desk.folder / "memory" / "desk.sqlite", "desk").entries()


def run_of(desk):
    """Return the newest run on record."""
    return list(fold(entries(desk)).values())[-1]


def states(desk):
    """Return where each task of the newest run stands."""
    return {task: each.state.value for (task, _), each in run_of(desk).tasks.items()}


def facts(desk, task):
    """Return the figures that a task left in the ledger."""
    return next(
        each.body["facts"] for each in entries(desk) if each.task == task and "facts" in each.body
    )


def reported(desk, name):
    """Return the report of the newest run, as text and as HTML."""
    command = ["handrail", "report", "--ledger", str(desk.folder / "memory" / "desk.sqlite")]
    page = desk.folder / f"{name}.html"
    ran = [
        forked(COMMAND, [*command, *more], ROOT, desk.env) for more in ((), ("--html", str(page)))
    ]
    assert [each.code for each in ran] == [0, 0], ran
    return ran[0].said, page.read_text()


def kept(desk, pattern):
    """Return the files that match in the folder of the run."""
    return sorted((desk.folder / "evidence").glob(f"*/{pattern}"))


def test_rows_that_are_written_until_the_freeze_are_all_there_after_it(desk):
    """Loaded while users write, followed, frozen, followed once more: both sides are equal."""
    desk.runbook(BACKUP, LOAD, FOLLOW, "9.0.2", LAST, EQUAL)

    with written_to(desk) as refused:
        ran = desk.run()
        assert refused.is_set(), "the writer was never refused"

    assert ran.code == 0, ran.said
    assert ask(desk, "legacy", WRITTEN) > 0
    assert ask(desk, "django", WRITTEN) == ask(desk, "legacy", WRITTEN)
    assert ask(desk, "django", "select sum(chunks_moved) from _migration.followed") > 0
    assert states(desk)["9.4"] == "unchanged"
    report = json.loads(kept(desk, "verification.json")[0].read_text())
    assert report["good"] is True
    assert desk.leaks(ran) == [], ran.said


def test_the_long_way_stops_writes_before_a_row_moves_and_goes_back(desk):
    """As `freeze_before_load` asks for it: after the load nothing is left to be brought over."""
    desk.runbook(BACKUP, EARLY, LOAD, FOLLOW, "9.0.2", LAST, EQUAL)

    with written_to(desk) as refused:
        ran = desk.run("--data", "freeze_before_load=true")
        assert refused.is_set(), "the writer was never refused"

    went(ran)
    assert ask(desk, "django", WRITTEN) == ask(desk, "legacy", WRITTEN)
    assert ask(desk, "django", "select sum(chunks_moved) from _migration.followed") == 0
    assert ask(desk, "django", "select count(*) from _migration.followed") == 2
    assert [states(desk)[task] for task in ("8.5", "9.0.2", "9.4")] == [
        "changed",
        "unchanged",
        "unchanged",
    ]
    went(desk.run("--data", "freeze_before_load=true"))  # again is once

    went(desk.roll_back())
    assert ask(desk, "django", "select count(*) from cadets") == 0
    ask(desk, "legacy", NEW_DAY)


def test_the_early_freeze_is_none_where_nobody_asked_for_it(desk):
    """The usual way: users write until the night."""
    desk.runbook(EARLY)
    went(desk.run())
    assert states(desk) == {"8.5": "unchanged"}
    ask(desk, "legacy", NEW_DAY)


def test_a_rollback_takes_the_rows_back_that_were_brought_later(desk):
    """With the load; the plan and the last lines say so of the steps that brought them."""
    desk.runbook(BACKUP, LOAD, FOLLOW, "9.0.2", LAST)
    went(desk.run())

    planned = desk.roll_back("--dry")
    ran = desk.roll_back()

    assert (planned.code, ran.code) == (0, 0), planned.said + ran.said
    assert "data.catch_up" in planned.said
    assert "not undone" not in ran.said
    (rest,) = kept(desk, "written-since-the-load/source-at-rest.txt")
    assert rest.read_text(), "what was written on Django is compared while the source rests"
    assert ask(desk, "django", "select count(*) from cadets") == 0
    ask(desk, "legacy", NEW_DAY)
    assert kept(desk, "quarantine.ndjson") == []
    assert len(kept(desk, "quarantine.ndjson.until-*")) == 1
    assert len(kept(desk, "adjusted.ndjson.until-*")) == 1


def test_a_run_that_stopped_between_the_two_goes_on_without_a_question(desk):
    """What was followed once stays settled, though the source has moved on since."""
    desk.runbook(BACKUP, LOAD, FOLLOW)
    went(desk.run())
    ask(desk, "legacy", NEW_DAY)
    desk.runbook(BACKUP, LOAD, FOLLOW, "9.0.2", LAST, EQUAL)

    ran = desk.run()

    assert ran.code == 0, ran.said
    assert ask(desk, "django", WRITTEN) == 1


LEGACY_BACKUP = (
    BACKUP.replace("9.1.1", "9.1")
    .replace("here.destination", "here.source")
    .replace("django", "legacy")
    .replace("directory=", "exports_to=here.destination, mapping=here.mapping, directory=")
)


def let_go(desk):
    """Let the legacy database take writes again, as a person at a prompt would."""
    name = desk.databases.names["legacy"]
    ask(desk, "legacy", f"begin read write; alter database {name} reset all; commit")


def test_a_row_written_between_two_freezes_reaches_django(desk, tmp_path):
    """A redone freeze is another state: what was made of the one before is made anew.

    The export is made beside the dump, and taken over by its own task while nobody changed it.
    """
    desk.runbook("9.0.2", LEGACY_BACKUP, BACKUP, EXPORT, LOAD, EQUAL)
    assert desk.run("--data", "to=9.1").code == 3
    (ahead,) = kept(desk, "export.ahead")
    changed = export_ahead.place(tmp_path)
    shutil.copytree(ahead, changed)
    next(changed.glob("*cadets*")).write_text("")
    assert export_ahead.made(tmp_path) is None
    made = (ahead / "manifest.json").read_text()
    went(desk.run())
    assert kept(desk, "export/manifest.json")[0].read_text() == made
    assert not ahead.exists()
    let_go(desk)
    ask(desk, "legacy", NEW_DAY)

    ran = desk.run("--data", "drift=9.0.2:redo", "--data", "reason=thawed by mistake")

    assert ran.code == 0, ran.said
    assert ask(desk, "django", WRITTEN) == 1
    assert len(kept(desk, "backup-legacy.until-*")) == 1
    assert len(kept(desk, "export.until-*")) == 1
    assert kept(desk, "export/manifest.json")[0].read_text() != made
    assert kept(desk, "backup-django.until-*") == [], "the way back must stay that of before"
    assert desk.run().code == 0, "and all of it is proven of the new state"


def test_a_backup_of_before_the_load_is_never_taken_over_its_rows(desk):
    """Gone from its folder, it is asked for, not taken anew."""
    desk.runbook(BACKUP, LOAD)
    went(desk.run())
    (place,) = kept(desk, "backup-django")
    place.rename(desk.folder / "elsewhere")

    ran = desk.run("--data", "drift=9.1.1:redo", "--data", "reason=it is gone")

    what, why, following = clauses(ran.said)
    assert ran.code == 1
    assert "no new backup was taken" in what
    assert "the load of this run has begun" in why
    assert "put the backup back" in following
    assert kept(desk, "backup-django") == []


def test_a_load_is_refused_where_rows_changed_since_the_backup(desk):
    """A rollback would lose them."""
    desk.runbook(BACKUP)
    went(desk.run())
    ask(desk, "django", "insert into auth_group (name) values ('g')")
    desk.runbook(BACKUP, LOAD)
    _, why, following = clauses(desk.run().said)
    assert "rows changed since the backup, in public.auth_group" in why
    assert "takes one of the state that is there now" in following


def test_an_export_of_the_mapping_of_before_is_made_anew(desk, tmp_path):
    """The mapping was edited in the run: the files would show what nobody loads."""
    mapping = tmp_path / "edited.yaml"
    text = MAPPING.read_text()
    mapping.write_text(text)
    desk.common["mapping"] = str(mapping)
    desk.runbook("9.0.2", EXPORT)
    ran = desk.run()
    assert ran.code == 0, ran.said
    mapping.write_text(text.replace("default: Ongoing", "default: Unknown", 1))

    ran = desk.run()
    assert ran.code == 1, ran.said
    assert "made by another mapping" in ran.said

    assert desk.run("--data", "drift=9.2:redo", "--data", "reason=mended the mapping").code == 0
    assert len(kept(desk, "export.until-*")) == 1


def test_a_verification_does_not_outlive_its_rows(desk):
    """After a rollback its report stands aside, under the day it was true until."""
    desk.runbook("9.0.2", BACKUP, LOAD, EQUAL)
    went(desk.run())
    assert desk.roll_back().code == 0
    for name in ("verification.json", "verification.html", "load.json"):
        assert kept(desk, name) == []
        assert len(kept(desk, f"{name}.until-*")) == 1


def test_following_is_refused_before_the_load(desk):
    """There is nothing to bring up to date."""
    desk.runbook(FOLLOW)
    _, why, following = clauses(desk.run().said)
    assert "the load of this mapping was carried to its end" in why
    assert "loads the rows first" in following


def test_leaving_nothing_behind_is_refused_while_users_write(desk):
    """There would always be one row more."""
    desk.runbook(BACKUP, LOAD, LAST)
    ran = desk.run()
    _, why, following = clauses(ran.said)
    assert ran.code == 1
    assert "takes writes" in why
    assert "stops legacy writes first" in following
    assert states(desk)["9.3"] == "changed"


def test_rows_that_come_after_the_last_round_are_told(desk):
    """The proof looks at the source again: a thaw nobody knew of reads as drift."""
    desk.runbook(BACKUP, LOAD, "9.0.2", LAST)
    went(desk.run())
    name = desk.databases.names["legacy"]
    ask(desk, "legacy", f"begin read write; alter database {name} reset all; commit")
    ask(desk, "legacy", NEW_DAY)
    desk.runbook(LAST)

    _, why, _ = clauses(desk.run().said)

    assert "other rows than were moved, in training_days" in why


def test_what_was_kept_out_and_changed_stands_in_files(desk):
    """A line of JSON each, whole, for their owner's eyes only, and without a password."""
    desk.runbook(BACKUP, LOAD)
    ran = desk.run()
    assert ran.code == 0, ran.said
    for name in ("quarantine", "adjusted"):
        (path,) = kept(desk, f"{name}.ndjson")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(rows) == ask(desk, "django", f"select count(*) from _migration.{name}")
        assert rows
        assert path.stat().st_mode & 0o777 == 0o600
        assert not re.search(r"\$2[abxy]\$", path.read_text())
        assert name != "quarantine" or all(row["reason"] and row["row_data"] for row in rows)
    assert kept(desk, "*.tmp") == []


def test_a_load_whose_files_are_gone_is_not_proven(desk):
    """Nobody would know what to mend; the same command asks, and writes them again if told to."""
    desk.runbook(BACKUP, LOAD)
    went(desk.run())
    kept(desk, "adjusted.ndjson")[0].unlink()
    asked = desk.run()
    assert "has no adjusted.ndjson" in clauses(asked.said)[1]
    redone = desk.run("--data", "drift=9.3:redo", "--data", "reason=it was moved away")
    assert redone.code == 0, redone.said
    assert len(kept(desk, "adjusted.ndjson")) == 1


def test_a_plan_shows_the_sql_of_a_load_and_of_an_export(desk):
    """Every table's SELECT in the file, no secret; nothing else is written, and none once done."""
    desk.runbook(BACKUP, EXPORT, LOAD)
    stood, file = ask(desk, "django", "select count(*) from pg_namespace"), desk.folder / "plan.sql"

    ran = desk.run("--dry", "--data", f"sql={file}")

    assert ran.code == 0, ran.said
    said = [text.strip() for text in file.read_text().splitlines()]
    export, load = (
        next(n for n, text in enumerate(said) if text.startswith(f"-- {task} on "))
        for task in ("9.2", "9.3")
    )
    tables = yaml.safe_load(MAPPING.read_text())["tables"]
    for name in tables:
        assert sum(text.endswith(f" -> {name}") for text in said[export:load]) == 1
        assert sum(text.endswith(f" -> {name}") for text in said[load:]) == 1
    assert "!unusable" not in ran.said + file.read_text()
    assert desk.leaks(Ran(0, file.read_text())) == []
    assert desk.leaks(ran) == []
    assert not (desk.folder / "evidence").exists()
    assert ask(desk, "django", "select count(*) from pg_namespace") == stood

    desk.runbook(BACKUP, LOAD)
    went(desk.run())
    assert desk.run("--dry", "--data", f"sql={file}").code == 0
    assert file.read_text() == ""


@pytest.mark.parametrize("broken", ["mapping", "database"])
def test_a_plan_that_cannot_show_the_sql_says_why_and_goes_on(desk, broken):
    """A mapping that is refused, a database that is not there: three lines, and the next task."""
    if broken == "mapping":
        rules = yaml.safe_load(MAPPING.read_text())
        del rules["tables"]["cadets"]["drop"]["rank"]
        place = desk.folder / "mapping.yaml"
        place.write_text(yaml.safe_dump(rules, sort_keys=False))
        desk.common["mapping"] = str(place)
    else:
        (desk.folder / "legacy").write_text(desk.databases.url["legacy"] + "_gone")
    desk.runbook(EXPORT, "2.2")

    ran = desk.run("--dry", "--data", "sql=plan.sql")

    assert ran.code == 1, "the export requires a source at rest"
    said = "\n".join(ran.closing)
    told = {"mapping": "column `cadets.rank` is not declared", "database": "does not exist"}
    assert re.search(r"no preview: .+\n +why:  (.|\n)+next: ", said), said
    assert told[broken] in said
    assert "Traceback" not in ran.said
    assert "Set the scripts" in said
    assert desk.leaks(ran) == []


def test_a_backup_says_how_long_a_way_back_takes(desk):
    """Measured by the restore that proves it; in the output, the ledger and both reports."""
    desk.runbook(BACKUP)
    ran = desk.run()
    assert ran.code == 0, ran.said
    found = facts(desk, "9.1.1")
    assert 0 < found["restore_seconds"] <= found["way_back_seconds"]
    assert f"a way back takes about {found['way_back_seconds']} s" in ran.said
    for report in reported(desk, "backup"):
        assert f"restore_seconds {found['restore_seconds']}" in report
        assert f"way_back_seconds {found['way_back_seconds']}" in report


def test_a_freeze_names_the_roles_that_it_does_not_stop(desk):
    """Those whose own settings say otherwise for this database, and no others."""
    name = desk.databases.names["legacy"]
    roles = {f"{word}_{name}": word for word in ("every", "here", "elsewhere", "agrees")}
    for role, word in roles.items():
        where = {"here": f"in database {name}", "elsewhere": "in database postgres"}.get(word, "")
        to = "on" if word == "agrees" else "no"
        tell(f"create role {role}")
        tell(f"alter role {role} {where} set default_transaction_read_only to {to}")
    desk.runbook("9.0.2")
    try:
        ran = desk.run()
    finally:
        for role in roles:
            tell(f"drop role {role}")

    assert ran.code == 0, ran.said
    let = [f"every_{name}", f"here_{name}"]
    assert facts(desk, "9.0.2")["roles_that_still_write"] == let
    assert f"`{let[0]}`, `{let[1]}` can still write" in ran.said
    assert all(let[0] in report for report in reported(desk, "freeze"))


def test_a_comparison_names_what_is_not_explained_and_is_not_proven(desk):
    """Counts before and after for each table, each row by its key; the same command passes then."""
    desk.runbook(BACKUP, LOAD, "9.0.2", EQUAL)
    ask(desk, "legacy", NEW_DAY)
    good = desk.run()
    assert good.code == 0, good.said
    desk.runbook(BACKUP, LOAD, "9.0.2", EQUAL.replace('"9.4"', '"9.4.1"'))
    key = ask(desk, "django", "select min(id) from cadets")
    name = ask(desk, "django", f"select first_name from cadets where id = {key}")
    ask(desk, "django", f"update cadets set first_name = 'x' where id = {key}")
    ask(desk, "django", "delete from training_days where title = 'written meanwhile'")

    ran = desk.run()

    assert ran.code == 1
    assert "`cadets`: rows differ" in clauses(ran.said)[1]
    (place,) = kept(desk, "verification.json")
    report = json.loads(place.read_text())
    assert report["good"] is False
    for table in report["tables"]:
        query = f"select count(*) from {table['source']}"
        assert table["source_rows"] == ask(desk, "legacy", query)
        assert table["found"] == ask(desk, "django", f"select count(*) from {table['table']}")
        assert table["source_rows"] == table["quarantined"] + table["expected"]
    named = {(each["table"], each["kind"]): each for each in report["differences"]}
    assert named.keys() == {("cadets", "changed"), ("training_days", "missing")}
    assert named["cadets", "changed"]["key"] == str(key)
    cells = [{"column": "first_name", "source": name, "destination": "x"}]
    assert named["cadets", "changed"]["cells"] == cells
    shown = place.with_suffix(".html").read_text()
    plain = re.sub(r"<td [^>]*>", "<td>", shown)
    assert f"<td>cadets</td><td>{key}</td><td>changed</td><td>first_name</td>" in plain
    assert "<td>missing</td>" in plain
    for path in (place, place.with_suffix(".html")):
        assert path.stat().st_mode & 0o777 == 0o600
    assert states(desk)["9.4.1"] == "refused"


def test_a_role_that_the_inventory_names_is_let_be(desk):
    """With its reason, as a provider's monitoring; without that word its session is refused."""
    desk.runbook("9.0.2")
    name = desk.databases.names["legacy"]
    with psycopg.connect(server().url(name), application_name="the watcher") as watching:
        _, why, _ = clauses(desk.run().said)
        assert str(watching.info.backend_pid) in why
        assert "the watcher" in why
        desk.common["sessions_let_be"] = {"rotc": "monitoring, which only reads"}

        ran = desk.run()

    went(ran)
    assert "was let be: monitoring, which only reads" in ran.said

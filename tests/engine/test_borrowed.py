"""pyinfra's own operations under the contract: in a body, in a way back, and as steps."""

import pkgutil
import shutil
from importlib import import_module
from types import ModuleType

import pytest
from pyinfra import operations
from pyinfra.operations import server

from handrail.engine import adopt, irreversible
from handrail.engine.plain_operations import is_operation
from handrail.testing.lab import end, until

GONE = irreversible("it stays", instead="remove it")

LINE = 'borrowing.{step}(task="1", path=room + "/note", text="hello\\n"{more})'


def borrowed(lab, step, more=""):
    """Write the runbook of one borrowing step."""
    lab.runbook("from lab import borrowing", LINE.format(step=step, more=more))


def program(lab, name, script):
    """Put a program of that name before all others; return its path."""
    path = lab.folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    lab.env["PATH"] = f"{path.parent}:{lab.env['PATH']}"
    return path


@pytest.fixture
def sources(lab):
    """Lay out what the steps copy from."""
    folder = lab.folder / "sources"
    folder.mkdir()
    (folder / "note").write_text("hello\n")
    (folder / "template").write_text("{{ word }}\n")
    if shutil.which("rsync") is None:  # a stand-in at the wire: it is called, and copies
        program(lab, "rsync", 'exec cp -p "$2" "$3"')
    return folder


@pytest.mark.parametrize(
    ("step", "more"),
    [
        ("upload", ""),
        ("fill", ', template="sources/template", word="hello"'),
        ("edit", ', line="hello"'),
        ("synchronize", ', src="sources"'),
        ("write_from_python", ""),
        ("fetch", ', src="sources/note", kept="sources/kept"'),
    ],
)
def test_an_operation_of_any_kind_acts_once_and_is_put_back(lab, sources, step, more):
    """Forward, again, and back: the facts in the clauses are read anew each time."""
    borrowed(lab, step, more)

    there = lab.run()
    assert there.code == 0, there.said
    assert lab.read("note") == "hello\n"
    assert lab.events() == ["step.started 1@one", "step.changed 1@one"]

    assert lab.run().code == 0
    assert lab.events() == ["step.started 1@one", "step.changed 1@one"]

    back = lab.run("--data", "run=latest", "--data", "reason=tried", runbook="rollback")
    assert back.code == 0, back.said
    assert lab.read("note") is None


def test_facts_are_read_anew_by_each_clause(lab):
    """What somebody changed between two commands is seen, and what stood before is put back."""
    lab.put("note", "before\n")
    borrowed(lab, "upload")
    assert lab.run().code == 0

    lab.put("note", "changed by somebody\n")
    again = lab.run()
    assert again.code == 1
    assert "it reads ['changed by somebody']" in again.said

    lab.put("note", "hello\n")
    assert lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback").code == 0
    assert lab.read("note") == "before\n"


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("miss", "/nowhere/at/all"),
        ("misspell", "'sorce'"),
        ("climb", "`_sudo` is about a whole step"),
        ("refuse", "did not succeed"),
    ],
)
def test_an_operation_that_cannot_do_its_work_is_told_in_words(lab, step, told):
    """No traceback: what was not done, why, and what to do."""
    borrowed(lab, step)
    ran = lab.run()
    assert ran.code == 1
    assert told in ran.said or told in lab.entries()[-2].body["why"]
    assert "Traceback" not in ran.said
    assert lab.events()[-1] == "step.failed 1@one"


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("forget", "yield from uses(files.file, path=path)"),
        ("hide", "yield from uses(files.file, …)"),
        ("meddle", "yield from uses(files.file, path=path)"),
    ],
)
def test_an_operation_that_is_called_inside_a_step_is_refused_in_words(lab, step, line):
    """In the body, in what it calls and in a clause: with the line to write instead."""
    borrowed(lab, step)
    for dry in ([], ["--dry"]):
        ran = lab.run(*dry)
        assert ran.code == 1 or (dry and step != "meddle"), ran.said
        assert "Traceback" not in ran.said
        if ran.code == 1:
            assert "is called plainly inside a step" in ran.said
            assert f"write `{line}` in the body" in ran.said
    assert lab.read("note") is None


def test_what_an_adopted_operation_would_do_is_said_in_words(lab, sources):
    """Not as pyinfra's class of a command."""
    lab.runbook(
        "from lab import borrowing",
        'borrowing.template(task="1", src="sources/template", dest=room + "/note", word="hello")',
    )
    plan = lab.run("--dry")
    assert "pyinfra would run upload a text to /" in plan.said, plan.said
    assert "Command(" not in plan.said


def failure(lab):
    """Return what the ledger keeps of the failed command."""
    return next(each.body["failure"] for each in lab.entries() if each.event == "step.failed")


def test_what_a_failed_shell_line_left_behind_stands_in_the_ledger(lab):
    """Command, exit status and the end of the output; the step's secret is withheld."""
    secret = lab.folder / "secret"
    secret.write_text("s3cret-s3cret")
    borrowed(lab, "break_down", f', value="file:{secret}"')
    ran = lab.run()
    assert ran.code == 1

    kept = failure(lab)
    assert kept["exit_status"] == 7
    assert kept["command"].startswith("seq 1 2000; cat ")
    assert kept["output"].endswith("the end")
    assert "\n2000\n" in kept["output"]
    assert len(kept["output"].encode()) == 4096
    page = lab.folder / "report.html"
    for command in (["show", "latest"], ["report", "--html", str(page)], ["report"]):
        told = lab.handrail(*command).said
        told = page.read_text() if str(page) in command else told
        assert "ended with 7" in told
        assert "the end" in told
        assert "s3cret-s3cret" not in told
    assert "s3cret-s3cret" not in lab.ledger.read_bytes().decode(errors="replace")


def test_what_a_failed_upload_left_behind_stands_in_the_ledger(lab):
    """What could not be copied where, and why."""
    lab.runbook(
        "from lab import borrowing",
        'borrowing.drop(task="1", path=room + "/no/note", text="hello\\n")',
    )
    assert lab.run().code == 1
    kept = failure(lab)
    assert kept["exit_status"] is None
    assert kept["command"].startswith("upload ")
    assert "no/note" in kept["output"]


def test_an_orphan_of_an_upload_keeps_the_next_attempt_out(lab):
    """What copies a file on the target holds the target's guard, as a shell line does."""
    slow = program(lab, "cp", 'echo copying >> "$0.log"; sleep 8; exec /bin/cp "$@"')
    borrowed(lab, "upload")
    process = lab.start()
    until((slow.parent / "cp.log").exists)
    process.kill()
    process.wait()

    again = lab.run()
    end(process)
    assert again.code == 1
    assert "still at work" in again.said


def test_an_adopted_operation_is_a_step_that_acts_where_pyinfra_finds_something_to_do(lab):
    """Its claim is pyinfra's own; forward, again, drift, and back."""
    lab.put("note", "first\n")
    lab.runbook(
        "from lab import borrowing", 'borrowing.line(task="1", path=room + "/note", line="x")'
    )

    there = lab.run()
    assert there.code == 0, there.said
    assert lab.read("note") == "first\nx\n"
    assert lab.entries()[-3].step == "lab.borrowing.line"
    assert lab.run().code == 0
    assert lab.events() == ["step.started 1@one", "step.changed 1@one"]

    lab.put("note", "first\n")
    again = lab.run()
    assert again.code == 1
    assert "it no longer holds: pyinfra would run" in again.said or "no longer holds" in again.said

    lab.put("note", "first\nx\n")
    back = lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback")
    assert back.code == 0, back.said
    assert lab.read("note") == "first\n"


def test_an_adopted_operation_that_cannot_be_asked_is_a_refusal(lab):
    """A template that is not there says nothing about what is done."""
    lab.runbook(
        "from lab import borrowing",
        'borrowing.template(task="1", src="nowhere.j2", dest=room + "/note")',
    )
    ran = lab.run()
    assert ran.code == 1
    assert "Traceback" not in ran.said
    assert "nowhere.j2" in ran.said
    assert lab.events() == ["step.refused 1@one"]


def test_an_adopted_operation_takes_names_that_its_signature_does_not_say(lab, sources):
    """A template's words are its own; a secret among them is no word in the ledger."""
    secret = lab.folder / "secret"
    secret.write_text("s3cret-s3cret")
    call = 'borrowing.template(task="1", src="sources/template", dest=room + "/note", word="{}")'
    lab.runbook("from lab import borrowing", call.format(f"file:{secret}"))

    there = lab.run()

    assert there.code == 0, there.said
    assert lab.read("note") == "s3cret-s3cret\n"
    assert lab.run().code == 0
    assert "s3cret-s3cret" not in there.said
    assert b"s3cret-s3cret" not in lab.ledger.read_bytes()


def test_an_adopted_operation_acts_again_where_its_source_was_edited(lab, sources):
    """That is another act and no drift: the first snapshot stays, and comes back."""
    lab.put("note", "before\n")
    call = 'borrowing.copy(task="1", src="sources/note", dest=room + "/note")'
    lab.runbook("from lab import borrowing", call)
    assert lab.run().code == 0
    assert lab.read("note") == "hello\n"

    (sources / "note").write_text("edited\n")
    again = lab.run()
    assert again.code == 0, again.said
    assert lab.read("note") == "edited\n"
    assert lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback").code == 0
    assert lab.read("note") == "before\n"


def test_an_operation_that_always_acts_is_not_adopted():
    """It has no claim; the refusal names the way that is left."""
    with pytest.raises(TypeError, match=r"`server.shell` always finds something to do.*uses\("):
        adopt(server.shell, rollback=irreversible("it ran", instead="see what it did"))


def test_every_operation_that_pyinfra_can_tell_is_done_is_adopted_or_refused_in_words():
    """Under one sentence; but those with an argument that a call has a meaning of its own for."""
    refused, names = [], []
    for found in pkgutil.iter_modules(operations.__path__, f"{operations.__name__}."):
        module = import_module(found.name)
        for op in vars(module).values():
            if is_operation(op) and op.__module__ == found.name and op._inner.is_idempotent:
                try:
                    names.append(adopt(op, rollback=GONE).contract.summary)
                except TypeError as error:
                    refused.append(str(error))
    assert len(names) > 100
    assert not [name for name in names if ". " in name or "``" in name or "\n" in name]
    assert len(refused) == 2
    assert all("means something else in a call than in" in each for each in refused)
    assert all("yield from uses(" in each for each in refused)


def test_an_operation_is_adopted_once_under_one_name():
    """The ledger's name of a step leads back to one step."""
    made = ModuleType("operations.twice")
    source = (
        "from pyinfra.operations import files\n"
        "from handrail.engine import adopt, irreversible\n"
        "gone = irreversible('it is', instead='nothing')\n"
        "one = adopt(files.line, rollback=gone)\n"
        "other = adopt(files.line, rollback=gone, called='other')\n"
        "two = adopt(files.line, rollback=gone)\n"
    )
    with pytest.raises(TypeError, match=r"twice.line is adopted twice"):
        exec(source, vars(made))
    assert made.other.contract.name == "twice.other"


def test_a_fact_that_cannot_be_read_is_never_taken_for_absent(lab):
    """pyinfra returns a default then; a capture of it would be put back as the state of before."""
    lab.put("note", "before\n")
    for name in ("stat", "ls"):
        program(lab, name, "echo 'no leave' >&2; exit 3")
    borrowed(lab, "upload")
    ran = lab.run()
    assert ran.code == 1
    assert "a fact of pyinfra was not read" in ran.said
    assert lab.events() == ["step.refused 1@one"]
    assert lab.read("note") == "before\n"

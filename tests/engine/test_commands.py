"""A command that was wrong, or did nothing, never ends with 0."""

import os
import signal
import socket
import subprocess

import pytest

from handrail.testing.lab import end, until

A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.write(path=f"{room}/b", text="2", task="2")'


def typed(lab, inventory="lab.py", *more, runbook="up.py"):
    """Type a command as the README spells it."""
    return lab.paste(["sh", "-c", " ".join(["pyinfra -y", inventory, runbook, *more])])


@pytest.mark.parametrize("runbook", ["up.py", "rollback.py"])
def test_a_misspelt_inventory_is_no_success(lab, runbook):
    """pyinfra takes it for a host, connects to nobody and never reads the runbook."""
    lab.runbook(A)

    ran = typed(lab, "labb.py", runbook=runbook)

    assert ran.code == 2, ran.said
    assert f"`{runbook}` was not read, and nothing was done" in ran.said
    assert "`labb.py` is not a file" in ran.said
    assert "did you mean `lab.py`?" in ran.said
    assert "Traceback" not in ran.said


@pytest.mark.parametrize("text", ["hosts = []\n", "", "host = 'one'\n"])
def test_an_inventory_without_targets_is_no_success(lab, text):
    """Empty, or with its hosts under a name that pyinfra does not read."""
    lab.runbook(A)
    (lab.folder / "lab.py").write_text(text)

    ran = typed(lab)

    assert ran.code == 2, ran.said
    assert "there is no target: `lab.py` names no target" in ran.said


def test_an_inventory_that_cannot_be_read_is_told_by_pyinfra_alone(lab):
    """Its group data, too; what watches over unread runbooks has nothing to add."""
    lab.runbook(A)
    (lab.folder / "group_data").mkdir(exist_ok=True)
    (lab.folder / "group_data" / "all.py").write_text("x = (\n")

    ran = typed(lab)

    assert ran.code == 1, ran.said
    assert "SyntaxError" in ran.said
    assert "failed_hosts" not in ran.said


def test_a_limit_that_leaves_nobody_is_no_success(lab):
    """The runbook is not read then, either."""
    lab.runbook(A)

    ran = typed(lab, "lab.py", "--limit", "nobody")

    assert ran.code == 2, ran.said
    assert "`--limit` and `--exclude` leave none" in ran.said


def test_a_plain_deploy_of_pyinfra_is_left_alone(lab):
    """What does not use this library ends as pyinfra ends it."""
    (lab.folder / "plain.py").write_text("from pyinfra import host\n")

    assert typed(lab, "labb.py", runbook="plain.py").code == 0


def test_ctrl_c_while_connecting_is_no_success(lab):
    """The runbook was not read, nothing was done, and it says so."""
    lab.runbook(A)
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        port = server.getsockname()[1]
        (lab.folder / "lab.py").write_text(
            f"hosts = [('@ssh/127.0.0.1', {{'ssh_port': {port}, 'ssh_user': 'nobody'}})]\n"
        )
        process = subprocess.Popen(
            lab.command(), cwd=lab.folder, env=lab.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            connection, _ = server.accept()  # and says nothing: it goes on connecting
            os.kill(process.pid, signal.SIGINT)
            said, _ = process.communicate(timeout=30)
            connection.close()
        finally:
            end(process)

    assert process.returncode == 130, said
    assert "before the runbook was read; nothing was done" in said


@pytest.mark.parametrize(
    ("word", "near"), [("ot=1", "to"), ("reson=x", "reason"), ("romo=x", "room")]
)
def test_a_key_that_nobody_reads_is_a_wrong_command(lab, word, near):
    """`to` misspelt must not mean everything; told in the plan, the run and the rollback."""
    lab.runbook(A, B)
    assert lab.run().code == 0
    key = word.partition("=")[0]

    said = [
        lab.run("--data", word),
        lab.run("--dry", f"--data={word}"),
        lab.roll_back("--data", word),
        lab.roll_back("--dry", "--data", word),
    ]

    for ran in said:
        assert ran.code == 2, ran.said
        assert f"nobody reads `--data {key}=…`" in ran.said
        assert f"did you mean `{near}`?" in ran.said
    assert (lab.read("a"), lab.read("b")) == ("1", "2")


def test_a_key_of_the_inventory_alone_is_told_as_such(lab):
    """The engine does read it, from there."""
    lab.runbook(A)

    ran = lab.run("--dry", "--data", "lease_seconds=5")

    assert ran.code == 2, ran.said
    assert "`lease_seconds` is read from the inventory alone" in ran.said


def test_a_key_that_the_runbook_names_is_read_by_somebody(lab):
    """Whether or not the inventory has it."""
    lab.runbook("text = host.data.get('text')", A.replace('text="1"', "text=text"))

    assert lab.run("--data", "text=typed").code == 0
    assert lab.read("a") == "typed"


def test_a_name_that_is_none_is_told_as_what_it_is(lab):
    """It says which environment it is, in letters that cannot be used."""
    lab.runbook(A)
    (lab.folder / "group_data" / "all.py").write_text('environment = "prod-1"\n')

    ran = lab.run()

    assert ran.code == 1
    assert "`prod-1` cannot be the name of an environment" in ran.said


def test_a_task_id_that_is_none_does_not_end_as_a_runbook_without_steps(lab):
    """The closing lines say what was refused."""
    lab.runbook(A.replace('task="1"', 'task="1:retry"'))

    ran = lab.run()

    assert ran.code == 1
    assert "stopped at its beginning: `1:retry` (up.py:" in "\n".join(ran.closing)
    assert "no step was read" not in ran.said


def test_a_call_without_a_task_is_refused_in_words(lab):
    """No traceback for a slip."""
    lab.runbook(A.replace(', task="1"', ""))

    ran = lab.run()

    assert ran.code == 1
    assert "the call has no task id" in ran.said
    assert "Traceback" not in ran.said


def test_a_plan_in_which_something_would_refuse_exits_1(lab):
    """The first step that would act is asked what it requires; a later one when its turn comes."""
    lab.put("shut")
    lab.runbook(A, B)

    ran = lab.run("--dry")

    assert ran.code == 1
    lines = {line.split()[0]: line for line in ran.closing if "[lab." in line}
    assert "would refuse" in lines["1"]
    assert "it requires that the room is open; a file `shut` lies in it" in lines["1"]
    lab.runbook('steps.place(path=f"{room}/shu", text="1", task="0")', A)
    lab.clear("shut")
    lab.put("veiled")
    assert lab.run("--dry").code == 1


def test_what_an_earlier_step_may_yet_make_so_is_not_told_yet(lab):
    """It does not fail the plan."""
    lab.put("shut")
    lab.runbook('steps.print_to(path=f"{room}/0", text="1", task="0")', A)

    ran = lab.run("--dry")

    assert ran.code == 0, ran.said
    lines = {line.split()[0]: line for line in ran.closing if "[lab." in line}
    assert "would run" in lines["0"]
    assert "not told yet" in lines["1"]


def test_a_second_signal_ends_at_once(lab):
    """And is no success, either."""
    lab.runbook('steps.slow_call(path=f"{room}/p", text="1", seconds=30, task="1")')
    process = lab.start_cold()
    try:
        until(lab.journal)
        os.kill(process.pid, signal.SIGTERM)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)
    finally:
        end(process)

    assert process.returncode == 143

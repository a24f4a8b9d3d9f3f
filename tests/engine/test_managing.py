"""Services and packages under the contract: the real operations, stand-ins of systemctl and apt.

The stand-ins answer at the wire, as programs on the target's PATH, and keep what they are told in
files: what pyinfra would say to a machine, and what it reads of it, is seen.
"""

import pytest

from handrail.testing.lab import end, until
from tests.engine.test_borrowed import program

# A unit is a folder; `running` and `enabled` in it are files.
SYSTEMCTL = """
units={units}
verb=$1
for unit; do :; done
mkdir -p $units/$unit
case $verb in
show)
    echo "Id=$unit"
    case "$*" in
    *SubState*) test -e $units/$unit/running && echo SubState=running || echo SubState=dead ;;
    *) test -e $units/$unit/enabled && echo UnitFileState=enabled || echo UnitFileState=disabled ;;
    esac
    exit ;;
start) touch $units/$unit/running ;;
stop) rm $units/$unit/running ;;
enable) touch $units/$unit/enabled ;;
disable) rm $units/$unit/enabled ;;
restart) cat {read} > $units/$unit/read ;;
esac
echo "$verb $unit" >> $units/said
while test -e $units/slow; do sleep 0.1; done
test ! -e $units/broken || {{ echo "Job for $unit failed." >&2; exit 1; }}
"""
DPKG = """
test "$1" = -l || exit 1
for name in $(ls {there}); do echo "ii  $name:amd64  1.0-1  amd64  x"; done
"""
APT = """
for name; do :; done
case "$*" in
*" install "*) touch {there}/$name ;;
*" remove "*) rm {there}/$name ;;
esac
echo "$*" >> {there}/../said
"""
BACK = ("--data", "run=latest", "--data", "reason=tried")
SERVICE = 'managing.service(task="1", service="web", running=True, enabled=True)'
CONFIGURE = 'managing.configure(task="1", path=room + "/web.conf", text="port 1\\n", service="web")'


@pytest.fixture
def units(lab):
    """Stand in for systemd; return the folder of its units."""
    folder = lab.folder / "units"
    folder.mkdir()
    script = SYSTEMCTL.format(units=folder, read=lab.room() / "web.conf")
    program(lab, "systemctl", script)
    return folder


def said(folder):
    """Return what a stand-in was told to do."""
    return (folder / "said").read_text().splitlines() if (folder / "said").exists() else []


def test_a_service_is_started_once_and_put_back(lab, units):
    """As pyinfra does it: start and enable, nothing the second time, stop and disable."""
    lab.runbook("from lab import managing", SERVICE)

    plan = lab.run("--dry")
    assert "pyinfra would run systemctl start web.service" in plan.said
    assert said(units) == []

    assert lab.run().code == 0
    assert lab.run().code == 0
    assert said(units) == ["start web.service", "enable web.service"]
    assert lab.events() == ["step.started 1@one", "step.changed 1@one"]

    back = lab.run(*BACK, runbook="rollback")
    assert back.code == 0, back.said
    assert said(units)[2:] == ["stop web.service", "disable web.service"]


def test_a_service_that_ran_before_is_let_run(lab, units):
    """The way back is to what was there, not to the opposite of what was done."""
    (units / "web.service").mkdir()
    (units / "web.service" / "running").touch()
    lab.runbook("from lab import managing", SERVICE)

    assert lab.run().code == 0
    assert lab.run(*BACK, runbook="rollback").code == 0
    assert said(units) == ["enable web.service", "disable web.service"]


def test_a_service_that_does_not_start_leaves_what_it_said(lab, units):
    """Command, status and words stand in the ledger; the same command again tries it again."""
    (units / "broken").touch()
    lab.runbook("from lab import managing", SERVICE)

    ran = lab.run()
    assert ran.code == 1
    failed = lab.entries()[-2].body
    assert "systemctl start web.service" in str(failed)
    assert "Job for web.service failed." in str(failed)

    (units / "broken").unlink()
    assert lab.run().code == 0
    assert lab.run(*BACK, runbook="rollback").code == 0


def test_a_killed_start_of_a_service_keeps_the_next_attempt_out(lab, units):
    """While systemctl still works for the killed attempt, nobody else touches the service."""
    (units / "slow").touch()
    lab.runbook("from lab import managing", SERVICE)
    process = lab.start()
    until(lambda: said(units))
    process.kill()
    process.wait()

    again = lab.run()
    (units / "slow").unlink()
    end(process)
    assert again.code == 1
    assert "still at work" in again.said
    assert said(units) == ["start web.service"]


def test_a_file_and_its_service_are_one_step(lab, units):
    """Operations of two kinds in one body: the service reads what was written, both ways."""
    lab.put("web.conf", "port 0\n")
    lab.runbook("from lab import managing", CONFIGURE)

    ran = lab.run()
    assert ran.code == 0, ran.said
    assert said(units) == ["start web.service"]
    assert lab.run().code == 0

    back = lab.run(*BACK, runbook="rollback")
    assert back.code == 0, back.said
    assert (units / "web.service" / "read").read_text() == "port 0\n"


def test_packages_are_installed_once_and_only_what_came_goes(lab):
    """The operation of apt as a step: what was there before stays at the way back."""
    there = lab.folder / "packages"
    there.mkdir()
    (there / "curl").touch()
    program(lab, "dpkg", DPKG.format(there=there))
    program(lab, "apt-get", APT.format(there=there))
    lab.runbook("from lab import managing", 'managing.packages(task="1", packages=["curl", "jq"])')

    ran = lab.run()
    assert ran.code == 0, ran.said
    assert lab.run().code == 0
    assert sorted(each.name for each in there.iterdir()) == ["curl", "jq"]
    assert len(said(lab.folder)) == 1

    back = lab.run(*BACK, runbook="rollback")
    assert back.code == 0, back.said
    assert [each.name for each in there.iterdir()] == ["curl"]

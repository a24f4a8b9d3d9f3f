"""A file that a step uploads is never half there, and its orphan puts nothing in place."""

import os
import signal

from handrail.testing.lab import end, until
from tests.engine.test_borrowed import borrowed, program


def test_an_upload_keeps_mode_and_link_and_leaves_no_draft(lab):
    """It is moved into place; what stood there before keeps what is not its content."""
    (lab.room() / "real").write_text("old\n")
    (lab.room() / "real").chmod(0o640)
    (lab.room() / "note").symlink_to("real")
    borrowed(lab, "upload")

    ran = lab.run()

    assert ran.code == 0, ran.said
    assert (lab.room() / "note").is_symlink()
    assert lab.read("real") == "hello\n"
    assert (lab.room() / "real").stat().st_mode & 0o777 == 0o640
    assert {each.name for each in lab.room().iterdir()} == {"note", "real"}


def test_an_upload_that_outlives_its_run_puts_nothing_in_place(lab):
    """The file is whole all the while; the next attempt is kept out, then uploads it anew."""
    room = lab.room()
    lab.put("note", "old\n")
    program(
        lab,
        "cp",
        f'if [ ! -e {room}/go ]; then for to; do :; done; echo half > "$to"; touch {room}/begun\n'
        f'while [ ! -e {room}/go ]; do sleep 0.1; done; fi; exec /bin/cp "$@"',
    )
    borrowed(lab, "upload")
    process = lab.start()
    try:
        until((room / "begun").exists)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=20)

        at_once = lab.run()
        between = lab.read("note")
        lab.put("go")
        lab.until_through()
        afterwards = lab.run()
    finally:
        end(process)

    assert at_once.code == 1
    assert "a command of an earlier attempt is still at work there (process " in at_once.said
    assert between == "old\n"
    assert afterwards.code == 0, afterwards.said
    assert lab.read("note") == "hello\n"

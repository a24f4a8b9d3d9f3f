"""What holds rows and password hashes does not end up in git, nor with other users."""

import subprocess

from handrail.clients import private_folder


def untracked(repository):
    """Return what git would add."""
    return subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=repository, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip


def test_git_sees_nothing_of_a_folder_that_was_made(tmp_path):
    """Neither in one that was there, as made by hand, nor in a new one."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "there").mkdir()
    for name in ("there", "new"):
        place = tmp_path / name / "run-1" / "backup"
        private_folder.make(place)
        (place / "rows.sql").write_text("a hash")
        (place.parent / "report.html").write_text("a report")
        assert place.stat().st_mode & 0o777 == 0o700

    assert untracked(tmp_path) == []


def test_a_folder_that_is_there_stays_as_it_is(tmp_path):
    """Nothing is added to what somebody made."""
    private_folder.make(tmp_path)

    assert list(tmp_path.iterdir()) == []

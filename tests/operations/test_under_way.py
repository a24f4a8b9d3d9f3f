"""Killed while something is still under way: it must not happen after all was put back."""

import time
from contextlib import contextmanager

import pytest
from rehearsal.render.records import EnvVar

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.render import Render
from handrail.engine.clause import ask, chosen
from operations import archive, deploy, frontend, server_dir
from operations.commits import revert_commit
from operations.deploys import Deploys
from operations.files import Sources, put
from operations.waiting import Waiting
from tests.operations.clones import cloned, git
from tests.operations.cloud import cloud, push, unused, write_app
from tests.operations.laws import DJANGO, site
from tests.operations.test_interrupted import perform

WAITING = Waiting(30, 0.02)
SLOW_BUILD = "sleep 0.5"


@contextmanager
def serving():
    """A web service that serves an earlier commit, and whose builds take their time."""
    name = unused("web")
    with cloned(write_app) as clone:
        made = cloud().add(cloud().service(name, clone.origin))
        made.build_command = SLOW_BUILD
        push(clone.path, "change the backend", backend__note="new\n")
        try:
            yield clone, name
        finally:
            cloud().remove(name)


def released(clone, name):
    """Return the arguments of a release of one service."""
    return {
        "render": Render.from_inventory(cloud().inventory),
        "repository": Repository.from_inventory(clone.inventory),
        "services": [name],
        "root": "backend",
        "directory": str(clone.path.parent / "evidence"),
        "waiting": WAITING,
    }


def asked_for(live, name):
    """Note what a release notes just before it starts a deploy."""
    noted, render = Deploys.of(live["directory"]), live["render"]
    service = render.service(name)
    before = [each.id for each in render.deploys(service.id)]
    stored = noted.fingerprint(render, service)
    noted.ask_for(service, live["repository"].branch_head("main"), stored, before)


def captured(contract, live):
    """Return what a step captures."""
    return contract.captures(**chosen(contract.captures, live))


def test_a_deploy_that_a_killed_release_began_does_not_go_live_after_the_rollback():
    """Nothing of it is live yet, so all reads as before; a moment later it would not."""
    with serving() as (clone, name):
        contract, live = deploy.release.contract, released(clone, name)
        before = captured(contract, live)
        cloud().ask(name)  # as the killed release did
        assert captured(contract, live) != before

        perform(contract.rollback, live | {"before": before}, None)

        assert captured(contract, live) == before
        cloud().settle(name)
        time.sleep(0.7)
        assert captured(contract, live) == before


def test_a_first_deploy_that_a_killed_release_began_does_not_go_live_either():
    """A service that never ran is suspended in any case."""
    with serving() as (clone, _):
        name = unused("new")
        fresh = cloud().service(name, clone.origin, build_command=SLOW_BUILD)
        cloud().add(fresh, deploy=False)
        contract, live = deploy.release.contract, released(clone, name)
        before = captured(contract, live)
        cloud().ask(name)

        perform(contract.rollback, live | {"before": before}, None)

        time.sleep(0.7)
        assert captured(contract, live) == before
        cloud().remove(name)


def test_a_release_waits_for_the_deploy_that_a_killed_one_began():
    """A second deploy of the same commit would only take its time."""
    with serving() as (clone, name):
        contract, live = deploy.release.contract, released(clone, name)
        asked_for(live, name)
        cloud().ask(name)
        deploys = len(cloud().running(name).deploys)
        perform(contract.body, live, None)
        assert ask(contract.ensures, live).passed
        assert len(cloud().running(name).deploys) == deploys


@pytest.mark.parametrize("change", ["a variable", "a setting"])
def test_what_was_changed_after_the_live_deploy_began_is_deployed(change):
    """It is stored, and nothing that runs uses it: a rotated secret, a new allowed host."""
    with serving() as (clone, name):
        contract, live = deploy.release.contract, released(clone, name)
        perform(contract.body, live, None)
        stored = cloud().running(name).service
        assert ask(contract.ensures, live).passed
        if change == "a variable":
            stored.env = [*stored.env, EnvVar("ALLOWED_HOSTS", "new.example.org")]
        else:
            stored.start_command += " "
        live = released(clone, name)  # as the next command reads it

        asked = ask(contract.ensures, live)
        perform(contract.body, live, None)

        assert "was not started with the variables and settings" in asked.why
        assert ask(contract.ensures, live).passed


def test_what_a_deploy_began_with_is_noted_without_a_value():
    """The note holds a keyed digest, in a file that only its owner reads."""
    with serving() as (clone, name):
        contract, live = deploy.release.contract, released(clone, name)
        cloud().running(name).service.env = [EnvVar("SECRET_KEY", "canary-4711")]
        perform(contract.body, live, None)

        note = clone.path.parent / "evidence" / "deploys.json"
        assert "canary-4711" not in note.read_text()
        assert note.stat().st_mode & 0o777 == 0o600


def test_a_commit_that_leaves_the_backend_as_it_is_needs_no_deploy():
    """The documents of the runbook come after the release; they must not read as drift."""
    with serving() as (clone, name):
        contract, live = deploy.release.contract, released(clone, name)
        perform(contract.body, live, None)
        push(clone.path, "write documents", NOTES="later\n")
        assert ask(contract.ensures, live).passed


def test_a_deploy_that_is_too_old_to_bring_back_is_told():
    """Not a traceback: the commit, and where to deploy it by hand."""
    with serving() as (clone, name):
        live = released(clone, name)
        with pytest.raises(ClientError, match=r"none of its last \d+ deploys ran commit"):
            deploy.restore_running(
                live["render"], {name: {"commit": "f" * 40, "coming": None}}, waiting=WAITING
            )


def published(name, url):
    """Return the arguments of a release of a site."""
    return {
        "render": Render.from_inventory(cloud().inventory),
        "frontend_service": name,
        "frontend_url": url,
        "variables": {"VITE_API_URL": DJANGO, "VITE_WS_URL": "ws://django.example"},
        "prefix": "/api/v1",
        "waiting": WAITING,
    }


def test_a_site_that_a_killed_release_was_building_stays_as_it_was():
    """Users would be switched minutes after the decision to go back."""
    with site() as (name, url):
        contract, live = frontend.release.contract, published(name, url)
        before = captured(contract, live)
        running = cloud().running(name)
        running.service.build_command = f"{SLOW_BUILD} && sh build.sh"
        frontend.set_variables(live["render"], name, live["variables"])
        cloud().ask(name)

        perform(contract.rollback, live | {"before": before}, None)

        time.sleep(0.7)
        assert captured(contract, live) == before
        assert cloud().look(name)[name]["env"]["VITE_API_URL"] != DJANGO


def test_a_deploy_of_somebody_else_is_followed_by_ours():
    """It began before the variables were set, so it names the legacy backend."""
    with site() as (name, url):
        contract, live = frontend.release.contract, published(name, url)
        cloud().running(name).service.build_command = f"{SLOW_BUILD} && sh build.sh"
        cloud().ask(name)
        perform(contract.body, live, None)
        assert ask(contract.ensures, live).passed


def test_a_site_whose_former_deploy_is_gone_is_told():
    """Not a silent success."""
    with site() as (name, url):
        contract, live = frontend.release.contract, published(name, url)
        before = captured(contract, live)
        before["served"]["script_sha256"] = "0" * 64
        with pytest.raises(ClientError, match="was not brought back"):
            perform(contract.rollback, live | {"before": before}, None)


def written(clone, directory, text, task="5.1"):
    """Return the arguments of a step that writes one file."""
    source = directory / "source"
    source.write_text(text)
    return {
        "repository": Repository.from_inventory(clone.inventory),
        "files": Sources({"README.md": str(source)}),
        "facts": {},
        "task": task,
        "run": "r",
    }


def test_a_step_that_ran_again_with_other_arguments_goes_all_the_way_back(tmp_path):
    """Two commits of one task; the first snapshot is the one to come back to."""
    with cloned() as clone:
        stood = clone.look()
        for text in ("first\n", "second\n"):
            live = written(clone, tmp_path, text)
            perform(put.contract.body, live, None)
        for _ in range(2):
            revert_commit(live["repository"], "5.1", "r")
            assert clone.look() == stood


def test_a_step_that_ran_again_after_its_rollback_goes_back_once_more(tmp_path):
    """The commit that was reverted already is left alone."""
    with cloned() as clone:
        stood = clone.look()
        live = written(clone, tmp_path, "again\n")
        for _ in range(2):
            perform(put.contract.body, live, None)
            revert_commit(live["repository"], "5.1", "r")
            assert clone.look() == stood


def test_only_the_commits_of_the_task_and_the_run_are_reverted(tmp_path):
    """`5.1.1` is not `5.1`, and another run is another run."""
    with cloned() as clone:
        live = written(clone, tmp_path, "kept\n", task="5.1.1")
        perform(put.contract.body, live, None)
        stood = clone.look()
        revert_commit(live["repository"], "5.1", "r")
        revert_commit(live["repository"], "5.1.1", "r2")
        assert clone.look() == stood


def test_a_revert_that_did_not_arrive_is_made_again(tmp_path):
    """The rollback is done when it is on the remote, whatever was known here."""
    with cloned() as clone:
        stood = clone.look()
        live = written(clone, tmp_path, "text\n")
        perform(put.contract.body, live, None)
        pushed = git(clone.origin, "rev-parse", "main")
        revert_commit(live["repository"], "5.1", "r")
        git(clone.origin, "update-ref", "refs/heads/main", pushed)
        revert_commit(live["repository"], "5.1", "r")
        assert clone.look() == stood


def archived(clone):
    """Return the arguments of the archive."""
    repository = Repository.from_inventory(clone.inventory)
    return {"repository": repository, "branch": "archive/node", "path": "server"}


def test_an_archive_branch_that_an_older_run_made_in_the_clone_is_taken_away_again():
    """What was captured before it is read again afterwards, so its rollback is proven."""
    with cloned() as clone:
        contract, live = archive.branch.contract, archived(clone)
        stood, before = clone.look(), captured(contract, live)
        git(clone.path, "branch", "archive/node")
        assert captured(contract, live) != before
        perform(contract.rollback, live | {"before": before}, None)
        assert clone.look() == stood


def test_a_branch_of_ones_own_survives_the_rollback_of_the_archive():
    """It was in the clone before; only what was pushed goes."""
    with cloned() as clone:
        git(clone.path, "branch", "archive/node")
        contract, live = archive.branch.contract, archived(clone)
        stood, before = clone.look(), captured(contract, live)
        perform(contract.body, live, None)
        perform(contract.rollback, live | {"before": before}, None)
        assert clone.look() == stood


def test_an_archive_of_other_code_is_no_archive():
    """A branch of an earlier try holds the folder, and not as it is."""
    with cloned() as clone:
        git(clone.path, "push", "--quiet", "origin", "main:refs/heads/archive/node")
        push(clone.path, "mend the server", server__new="x\n")
        found = ask(archive.branch.contract.ensures, archived(clone))
        assert "is not the one of `main`" in found.why


def test_nothing_is_deleted_that_is_not_archived_byte_for_byte():
    """Nor where something that must stay is not there to begin with."""
    with cloned() as clone:
        live = archived(clone) | {"archive": "archive/node", "kept": ["no/such/file"]}
        unarchived, missing = server_dir.delete.contract.requires[1:3]
        assert "no branch" in ask(unarchived, live).why
        git(clone.path, "push", "--quiet", "origin", "main:refs/heads/archive/node")
        assert ask(unarchived, live).passed
        push(clone.path, "mend the server", server__new="x\n")
        assert "differs" in ask(unarchived, live).why
        assert "no/such/file" in ask(missing, live).why


def test_variables_of_a_site_that_nobody_named_stay():
    """A set is replaced whole on Render; what others put there is carried over."""
    with site() as (name, url):
        cloud().running(name).service.env.append(EnvVar("ANALYTICS", "on"))
        live = published(name, url)
        perform(frontend.release.contract.body, live, None)
        assert cloud().look(name)[name]["env"]["ANALYTICS"] == "on"

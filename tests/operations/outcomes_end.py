"""What the gates say that the plan ends with: services, rows, the archive, the Blueprint."""

from handrail.clients.git import Repository
from handrail.clients.render import Render
from handrail.engine.finding import Verdict
from operations.deploy import bring_live
from operations.deploys import Deploys
from operations.waiting import Waiting
from tests.operations.clones import cloned, git
from tests.operations.cloud import WORKER, cloud, push, unused, write_app
from tests.operations.gates import nowhere, outcome
from tests.operations.outcomes_data import Pair, gone

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR


class Released:
    """Two services that were released at the tip of the branch."""

    def __init__(self, stage):
        """Deploy them as the runbook does."""
        self.stage, self.names = stage, [unused("end"), unused("end")]
        self.clone = stage.stack.enter_context(cloned(write_app))
        for name in self.names:
            cloud().add(cloud().service(name, self.clone.origin, WORKER), deploy=False)
        stage.stack.callback(cloud().remove, *self.names)
        repository = Repository.from_inventory(self.clone.inventory)
        given = Deploys.of(str(stage.directory)), self.names, repository.head(), Waiting(30, 0.05)
        bring_live(Render.from_inventory(cloud().inventory), *given)

    def ask(self, **more):
        """Ask whether they are live."""
        place = {"root": "backend", "directory": str(self.stage.directory)}
        given = {"render": cloud().inventory, "repository": self.clone.inventory}
        asked = {"services": self.names, **given, **place, **more}
        return self.stage.ask("deploy.services_are_live", **asked)


@outcome("deploy.services_are_live", PASS)
def they_run_the_tip(stage):
    """A commit that leaves the backend as it is does not count."""
    released = Released(stage)
    push(released.clone.path, "elsewhere", README="x")
    return released.ask()


@outcome("deploy.services_are_live", FAIL)
def one_is_suspended(stage):
    """It is named."""
    released = Released(stage)
    render = Render.from_inventory(cloud().inventory)
    render.suspend(render.service(released.names[1]).id)
    found = released.ask()
    assert found.why == f"`{released.names[1]}` is not live"
    return found


@outcome("deploy.services_are_live", FAIL)
def a_variable_was_never_released(stage):
    """It is stored, and nothing that runs uses it."""
    released = Released(stage)
    render = Render.from_inventory(cloud().inventory)
    identity = render.service(released.names[0]).id
    render.replace_env_vars(identity, {"ALLOWED_HOSTS": "new.example"})
    found = released.ask()
    assert "was not started with the variables" in found.why
    return found


@outcome("deploy.services_are_live", ERROR)
def render_does_not_answer(stage):
    """Nobody knows what runs."""
    return Released(stage).ask(render=cloud().inventory | {"api": nowhere()})


@outcome("verify.rows_hold_together", PASS)
def users_wrote_since(stage):
    """What they changed is no fault."""
    pair = Pair(stage).load()
    pair.tell("django", "update users set email = 'x@y.example' where id = 1")
    return pair.ask("verify.rows_hold_together")


@outcome("verify.rows_hold_together", FAIL)
def a_row_lost_its_parent(stage):
    """The constraint was dropped for a while, as people do, and put back without a check."""
    pair = Pair(stage).load()
    pair.tell(
        "django",
        "do $$ declare key text; begin "
        "select conname into key from pg_constraint where contype = 'f' "
        "and conrelid = 'grades'::regclass and confrelid = 'cadets'::regclass; "
        "execute format('alter table grades drop constraint %I', key); "
        "update grades set cadet_id = 987654 where id = (select min(id) from grades); "
        "execute format('alter table grades add constraint %I foreign key (cadet_id) "
        "references cadets deferrable initially deferred not valid', key); end $$",
    )
    found = pair.ask("verify.rows_hold_together")
    assert "references of `grades` cadet_id" in found.why
    return found


@outcome("verify.rows_hold_together", FAIL)
def a_sequence_gives_a_number_that_is_taken(stage):
    """The next user could not be made."""
    pair = Pair(stage).load()
    pair.tell("django", "select setval(pg_get_serial_sequence('users', 'id'), 1, false)")
    found = pair.ask("verify.rows_hold_together")
    assert "sequence of `users` id" in found.why
    return found


@outcome("verify.rows_hold_together", ERROR)
def the_new_database_is_not_there(stage):
    """A wrong address is no orphan."""
    return Pair(stage).ask("verify.rows_hold_together", destination=gone(stage))


def archived(stage, *, removed, branch="archive/node"):
    """Ask about a repository whose backend is on an archive branch, and perhaps gone from main."""
    clone = stage.stack.enter_context(cloned())
    git(clone.path, "push", "--quiet", "origin", "HEAD:refs/heads/archive/node")
    if removed:
        git(clone.path, "rm", "-r", "--quiet", "server")
        git(clone.path, "commit", "--quiet", "--message", "remove it")
        git(clone.path, "push", "--quiet", "origin", "main")
    asked = {"repository": clone.inventory, "branch": branch, "path": "server"}
    return clone, lambda: stage.ask("archive.is_all_that_is_left", **asked)


@outcome("archive.is_all_that_is_left", PASS)
def it_lies_on_the_archive_branch_only(stage):
    """As 14.1 and 14.2 leave it."""
    return archived(stage, removed=True)[1]()


@outcome("archive.is_all_that_is_left", FAIL)
def it_was_not_removed(stage):
    """The deployed branch still has it."""
    found = archived(stage, removed=False)[1]()
    assert "still on `main`" in found.why
    return found


@outcome("archive.is_all_that_is_left", FAIL)
def the_archive_is_gone(stage):
    """Somebody deleted the branch since."""
    found = archived(stage, removed=True, branch="archive/other")[1]()
    assert "no branch `archive/other`" in found.why
    return found


@outcome("archive.is_all_that_is_left", ERROR)
def the_repository_is_not_there(stage):
    """The remote was moved."""
    clone, ask = archived(stage, removed=True)
    clone.origin.rename(clone.directory / "moved.git")
    return ask()


def blueprint(stage, text, **more):
    """Ask about a Blueprint."""
    clone = stage.stack.enter_context(cloned())
    push(clone.path, "write", **{"render.yaml": text})
    asked = {"render": cloud().inventory, "repository": clone.inventory, "path": "render.yaml"}
    return stage.ask("blueprint.is_valid", **asked | more)


@outcome("blueprint.is_valid", PASS)
def render_accepts_it(stage):
    """Services without fault."""
    entry = "{type: worker, name: w, runtime: python, buildCommand: 'true', startCommand: sh}"
    return blueprint(stage, f"services: [{entry}]\n")


@outcome("blueprint.is_valid", FAIL)
def render_names_its_fault(stage):
    """With the key."""
    found = blueprint(stage, "services: [{type: worker}]\n")
    assert "name" in found.why
    return found


@outcome("blueprint.is_valid", FAIL)
def there_is_no_such_file(stage):
    """A wrong path."""
    return blueprint(stage, "services: []\n", path="deploy/render.yaml")


@outcome("blueprint.is_valid", ERROR)
def render_is_not_heard(stage):
    """Nobody validated it."""
    return blueprint(stage, "services: []\n", render=cloud().inventory | {"api": nowhere()})

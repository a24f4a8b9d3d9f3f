"""Who else rules what is on Render, and would undo what a runbook does there."""

import re

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.ready.claim import NotReady
from handrail.clients.render import Render
from handrail.naming import ticked

# A provider is required by its address, or a resource of it stands there.
RENDER_IN_TERRAFORM = re.compile(r"render-oss/render|\b(resource|data)\W+\"render_")
TERRAFORM = (".tf", ".tf.json", ".tofu")


def terraform(repository: Repository, held: object) -> str:
    """Return that no terraform rules services on Render, or who holds it meanwhile.

    The next `terraform apply` sets variables, commands and plans as its files say, deletes what
    they do not name, and deploys.

    Args:
        repository: The application's.
        held: Who holds it, as the inventory says; None where it says nothing.

    Raises:
        NotReady: files of the repository rule services on Render, and nobody is said to hold it.

    Source: https://registry.terraform.io/providers/render-oss/render/latest/docs
    """
    files, ruling = _terraform_files(repository)
    if not ruling:
        return f"{len(files)} files of terraform, none of them about Render"
    if isinstance(held, str) and held.strip():
        return f"{', '.join(ruling)} rule services on Render; held: {held}"
    raise NotReady(
        f"terraform rules services on Render: {', '.join(ruling)}",
        "its next apply sets variables, commands and autodeploy back and deletes what it does not "
        "name",
        "let nobody apply it until its files say what the runbook did, and write who holds it into "
        'the inventory: `terraform_held = "NAME, until WHEN"`',
    )


def _terraform_files(repository: Repository) -> tuple[list[str], list[str]]:
    """Return the files of terraform in a repository, and those of them that are about Render."""
    try:
        snapshot = repository.at()
        files = [path for path in snapshot.list_files() if path.endswith(TERRAFORM)]
        ruling = [path for path in files if RENDER_IN_TERRAFORM.search(snapshot.read(path) or "")]
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None
    return files, ruling


def blueprints(render: Render, repo: str) -> str:
    """Return which Blueprints follow the repository, and what becomes of that.

    Raises:
        ClientError: Render refused.

    Source: https://render.com/docs/infrastructure-as-code
    """
    found = render.blueprints(repo)
    if not found:
        return "no Blueprint is attached"
    at_work = ticked(each.name for each in found if each.auto_sync)
    if not at_work:
        names = ticked(each.name for each in found)
        return f"{names} is attached and syncs only when a person says so"
    return (
        f"{at_work} syncs at every push: `sync.pause` stops that, and a sync that a person starts "
        "sets back what its file names"
    )

"""Sealing a ledger's head."""

from functools import partial

import click

from handrail.cli.ledger import ledger_option, opened
from handrail.cli.out import Misused, complain, say, status_of
from handrail.clients import ssh_signature
from handrail.clients.outside_copies import Places
from handrail.ledger.people import os_user
from handrail.ledger.seal import NAMESPACE, seal_head
from handrail.ledger.views.evidence import choose


@click.command
@click.argument("run", default="", metavar="[RUN]")
@click.option(
    "--key",
    metavar="FILE",
    envvar="HANDRAIL_SEAL_KEY",
    required=True,
    help="an SSH key, Ed25519 say; else $HANDRAIL_SEAL_KEY",
)
@click.option(
    "--to",
    "places",
    metavar="PLACE",
    multiple=True,
    help="a folder, git:REPOSITORY, env:NAME of a webhook; may be repeated",
)
@ledger_option
def seal(ledger: str, run: str, key: str, places: tuple[str, ...]) -> int:
    """Sign the newest entry, and put the seal outside.

    The seal is an in-toto statement in a DSSE envelope; it tells of RUN, the newest where it is
    left out. `handrail verify --seal` holds the ledger against it.
    """
    if not places:
        what, why = "nothing was sealed", "no place outside is named"
        raise Misused(what, why, "add `--to FOLDER`, or `--to git:REPOSITORY`")
    held = opened(ledger)
    found = choose(held.runs(), run)
    sign = partial(ssh_signature.sign, key=key, namespace=NAMESPACE)
    outside = Places(places)
    put = seal_head(held, found, os_user(), sign, outside.put)
    if put:
        told = f"The head of {held.environment} is sealed, with {found.id}:"
        say([told, *(f"    {where}" for where in put)])
    for refusal in outside.refusals:
        complain(refusal)
    return status_of(not outside.refusals)

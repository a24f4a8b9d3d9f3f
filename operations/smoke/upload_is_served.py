"""Task 6.1: a file that is uploaded comes back."""

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app import upload as uploads
from handrail.clients.app.profile import Absent
from handrail.engine import FROM_TARGET, Finding, gate

from ..applications import application, finding, none_there, signed_in


@gate(fix="see the variables of the file store on the web service, then the same command again")
def upload_is_served(
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
) -> Finding:
    """A file that is uploaded comes back the same from where it is served."""
    app = application(web_url, profile, system)
    upload = app.system.upload
    if isinstance(upload, Absent):
        return none_there(upload, "upload")
    http, _ = signed_in(app, canaries)
    return finding(uploads.seen(app, http, upload))

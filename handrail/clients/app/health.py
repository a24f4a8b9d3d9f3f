"""Whether an application says that all its parts are well."""

from handrail.clients.app.application import object_of
from handrail.clients.app.profile import Health
from handrail.clients.app.seen import Seen, status
from handrail.clients.http import Http
from handrail.clients.places import found


def seen(http: Http, health: Health) -> Seen:
    """Ask the health check once; redirects are answers.

    Raises:
        NoAnswer: nothing answers.
        ClientError: something else answers.
    """
    answer = http.get(health.path)
    if answer.status not in health.status:
        return Seen(f"{health.path} answers {status(answer)}")
    if not health.holds:
        return Seen()
    body = object_of(answer)
    ill = [
        f"{place} is {found(body, place)}"
        for place, value in health.holds.items()
        if found(body, place) != value
    ]
    return Seen(", ".join(ill)) if ill else Seen(facts=health.holds)

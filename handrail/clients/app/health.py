"""Whether an application says that all its parts are well."""

from collections.abc import Iterator, Mapping

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
    ill = ", ".join(_ill(object_of(answer), health.holds))
    return Seen(ill) if ill else Seen(facts=health.holds)


def _ill(body: object, wanted: Mapping[str, object]) -> Iterator[str]:
    """Yield the places that hold another value than is wanted."""
    for place, value in wanted.items():
        if found(body, place) != value:
            yield f"{place} is {found(body, place)}"

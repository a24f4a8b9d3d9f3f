"""A static site as a browser sees it."""

import re

from handrail.clients.errors import ClientError
from handrail.clients.http import Http

OK = 200
SCRIPT = re.compile(r'<script[^>]+src="(/[^"]+\.js)"')


def script(url: str) -> str:
    """Return the script that the site's page loads.

    Raises:
        ClientError: the site does not answer, or its page loads none.
    """
    site = Http(url)
    page = site.get("/", follow_redirects=True)
    source = SCRIPT.search(page.body_text)
    if page.status != OK or source is None:
        raise ClientError(
            f"the frontend at {url} could not be read",
            f"its page answers {page.status} and loads {'a' if source else 'no'} script",
            f"open {url} in a browser; see the service's deploys on Render",
        )
    return site.get(source[1]).body_text

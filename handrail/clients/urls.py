"""Addresses of the web, taken apart."""

from urllib.parse import SplitResult, urlsplit


def halves(url: str) -> tuple[str, str]:
    """Return the base of an address, and its path with the query.

    Raises:
        ValueError: it is no address.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", path_of(parts)


def path_of(parts: SplitResult) -> str:
    """Return the path of an address, with the query where it has one."""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def leads_to_host(url: str, schemes: tuple[str, ...]) -> bool:
    """Tell whether a text is an address of one of these schemes, with a host in it."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname)
    except ValueError:
        return False

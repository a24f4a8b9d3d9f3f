"""Whose signature counts: names with public SSH keys, as an inventory lists them."""

from collections.abc import Mapping, Sequence

from handrail.ledger.errors import WrongCommand

Signers = Mapping[str, Sequence[str]]


def signers_of(key: str, given: object) -> Signers:
    """Read who may sign; a name with one key, or with several.

    Args:
        key: What the inventory calls it, for the refusal.
        given: Its value; nothing where the inventory does not have it.

    Raises:
        WrongCommand: it is something else.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        found = {str(name): _keys(keys) for name, keys in given.items()}
        if all(found.values()):
            return found
    raise WrongCommand(
        "the run did not start",
        f'`{key}` is `{given}`, not names with public keys: `{{"ada": "ssh-ed25519 AAAA…"}}`',
        f"correct `{key}` in the inventory",
    )


def _keys(given: object) -> list[str]:
    """Return public keys as a `.pub` file has them; none where one of them is something else."""
    listed = [given] if isinstance(given, str) else given
    if isinstance(listed, list | tuple) and all(map(_is_key, listed)):
        return [str(each).strip() for each in listed]
    return []


def _is_key(given: object) -> bool:
    words = given.split() if isinstance(given, str) else []
    return len(words) > 1 and words[0].startswith(("ssh-", "ecdsa-", "sk-"))

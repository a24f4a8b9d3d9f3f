"""How alike two names are: case, plural, words in one or apart, and an application's prefix."""

import difflib
import re
from functools import cache

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
IRREGULAR = {
    "people": "person", "children": "child", "men": "man", "women": "woman", "data": "datum",
    "criteria": "criterion", "indices": "index", "statuses": "status", "addresses": "address",
    "news": "news", "series": "series", "status": "status",
}  # fmt: skip
# The first that fits counts, where something of a word is left before it.
ENDINGS = {
    "ies": "y", "sses": "ss", "xes": "x", "ches": "ch", "shes": "sh",
    "ss": "ss", "us": "us", "is": "is", "s": "",
}  # fmt: skip
JOINING = {"to", "and", "has", "of", "tbl", "table"}
SURE, LIKELY, ALIKE = 0.95, 0.85, 0.75
LEAST = 3  # shorter names are a part of too many others


def singular(word: str) -> str:
    """Return an English word in its singular, as far as rules go."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    for ending, instead in ENDINGS.items():
        if word.endswith(ending) and len(word) > max(len(ending) + 1, LEAST):
            return word.removesuffix(ending) + instead
    return word


@cache
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name: `_UserFollows` and `users_follows` have the same."""
    return tuple(singular(word.lower()) for word in WORDS.findall(name))


@cache
def form(name: str) -> str:
    """Return a name without what tells names of one thing apart."""
    return "".join(words(name)) or name.lower()


def likeness(source: str, target: str) -> float:
    """Return how alike the names of two tables are, from 0 to 1; 1 where they are equal."""
    if source == target:
        return 1.0
    ours, theirs = form(source), form(target)
    if ours == theirs:
        return SURE
    if _is_prefixed(source, target) or _is_prefixed(target, source):
        return LIKELY  # `accounts_user` of the application `accounts`
    if _is_among(source, target):
        return ALIKE  # `_CategoryToPost`, `blog_post_categories`
    return difflib.SequenceMatcher(None, ours, theirs).ratio() * ALIKE


def _is_among(name: str, longer: str) -> bool:
    """Say whether the words of a name, at least two, are all among those of another one."""
    mine = set(words(name)) - JOINING
    return len(mine) > 1 and mine <= set(words(longer))


def _is_prefixed(name: str, longer: str) -> bool:
    """Say whether a name of several words ends with another one."""
    ending = form(name)
    return len(ending) >= LEAST and len(words(longer)) > 1 and form(longer).endswith(ending)

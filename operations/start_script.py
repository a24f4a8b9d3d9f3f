"""A shell script that starts a program: what it is given, read without running the script."""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import dropwhile

# A word is made of these, side by side; anything else that a shell knows cannot be told from here.
PIECE = re.compile(
    r"(?P<single>'[^']*')"
    r'|(?P<double>"(?:[^"\\`$]|\\.|\$(?![({])|\$\{\w+(?::?-[^}$`"]*)?\})*")'
    r"|(?P<variable>\$\w+|\$\{\w+(?::?-[^}$`]*)?\})"
    r"|(?P<escaped>\\[^\n])"
    r"|(?P<plain>[^\s'\"\\$`;&|()<>#]+|(?<=\S)#)"
)
BETWEEN = re.compile(r"(?:[ \t]|\\\r?\n)+")
COMMENT = re.compile(r"#[^\n]*")
END = re.compile(r"\r?\n|;|&&|\|\||&|\|")
EXPANSION = re.compile(
    r"\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?P<colon>:?)(?:-(?P<default>[^}]*))?\})"
)
ASSIGNMENT = re.compile(r"^(\w+)=(.*)$", re.DOTALL)
# After one of these the next command may run or not.
TURNS = {"if", "then", "else", "elif", "for", "while", "until", "case", "do", "function", "exit"}
ADDRESSES = {
    *("-b", "--bind", "-p", "--port", "-u", "--unix-socket", "-e", "--endpoint", "--fd"),
    "--websocket_timeout",
}
# Options of daphne that take a value and are of no matter here.
WITH_VALUE = (
    *(("-v", "--verbosity"), ("-t", "--http-timeout"), ("-s", "--server-name")),
    *(("--access-log",), ("--log-fmt",), ("--ping-interval",), ("--ping-timeout",)),
    *(("--application-close-timeout",), ("--root-path",)),
    *(("--proxy-headers-host",), ("--proxy-headers-port",)),
)
GLUED = re.compile(r"-[bpue][^-]")
LEADING = {"exec", "env", "nohup", "command"}


@dataclass(frozen=True)
class Word:
    """A word of a command: where it stands, and its value, or None where that cannot be told."""

    start: int
    end: int
    value: str | None

    @property
    def assignment(self) -> re.Match[str] | None:
        """Return the name and the value that it sets, where it sets one."""
        return ASSIGNMENT.match(self.value or "")


@dataclass(frozen=True)
class Started:
    """How a script starts a program: its name and the arguments, each as a word."""

    program: Word
    given: tuple[Word, ...]

    @property
    def values(self) -> list[str] | None:
        """Return the arguments, or None where one cannot be told."""
        told = [each.value for each in self.given if each.value is not None]
        return told if len(told) == len(self.given) else None


def started(script: str, program: str, environment: Mapping[str, str]) -> Started | None:
    """Return how a script starts a program, where it does so once and in any case; else None."""
    variables, found = dict(environment), list[Started]()
    for command in commands(script, variables):
        first = command[0].value
        if first is None or _turns(first):
            return None
        words = _without_lead(command)
        found += _starts(words, program)
        if first == "exec" and words:
            break
    return found[0] if len(found) == 1 else None


def _starts(words: list[Word], program: str) -> list[Started]:
    """Return how a command starts a program, where it does."""
    is_it = bool(words) and _file_of(words[0]) == program
    return [Started(words[0], tuple(words[1:]))] if is_it else []


def _turns(word: str) -> bool:
    """Tell whether what comes after a word may run or not."""
    return word in TURNS or word.endswith("()")


def _without_lead(words: list[Word]) -> list[Word]:
    """Return a command without assignments, `exec`, `env` and the like before its program."""
    own = list(dropwhile(_leads, words))
    return own[2:] if own and _is_module(own) else own


def _leads(word: Word) -> bool:
    return word.value in LEADING or word.assignment is not None


def _file_of(word: Word) -> str:
    """Return a program's own name, without its folder."""
    return (word.value or "").rpartition("/")[2]


def commands(script: str, variables: dict[str, str]) -> Iterator[list[Word]]:
    """Yield the simple commands of a script; one that cannot be told has a word without a value.

    Args:
        script: The text.
        variables: What is set; plain assignments of the script are put in.
    """
    place = 0
    words: list[Word] = []
    while place < len(script):
        if skipped := BETWEEN.match(script, place) or COMMENT.match(script, place):
            place = skipped.end()
        elif ended := END.match(script, place):
            place = ended.end()
            if words:
                _assign(words, variables)
                yield words
            words = []
        else:
            word = _word(script, place, variables)
            words.append(word)
            place = word.end
    if words:
        yield words


def _word(script: str, start: int, variables: Mapping[str, str]) -> Word:
    place, value = start, ""
    while piece := PIECE.match(script, place):
        value += _value(piece, variables)
        place = piece.end()
    if place == start or (place < len(script) and script[place] in "'\"\\$`()<>"):
        line = script.find("\n", place)
        return Word(start, len(script) if line < 0 else line, None)
    return Word(start, place, value)


def _value(piece: re.Match[str], variables: Mapping[str, str]) -> str:
    text = piece[0]
    if piece["single"]:
        return text[1:-1]
    if piece["escaped"]:
        return text[1:]
    if piece["double"]:
        text = text[1:-1]
    if piece["plain"]:
        return text

    def filled(found: re.Match[str]) -> str:
        name = found["bare"] or found["name"]
        unset = name not in variables or (found["colon"] and not variables[name])
        return (found["default"] or "") if unset else variables[name]

    return re.sub(r'\\(["\\$`])', r"\1", EXPANSION.sub(filled, text))


def _assign(words: list[Word], variables: dict[str, str]) -> None:
    """Take the variables that a line sets."""
    rest = words[1:] if words[0].value in ("export", "readonly") else words
    pairs = [each.assignment for each in rest]
    if all(pairs):
        variables.update((each[1], each[2]) for each in pairs if each)


def _is_module(words: list[Word]) -> bool:
    """Tell `python -m`."""
    name = (words[0].value or "").rpartition("/")[2]
    return len(words) > 2 and name.startswith("python") and words[1].value == "-m"  # noqa: PLR2004


class _Parser(argparse.ArgumentParser):
    """A parser that does not end the process."""

    def error(self, message: str) -> None:  # type: ignore[override]  # it returns nothing here
        """Raise in place of a message and an exit."""
        raise ValueError(message)


def daphne_options(given: list[str]) -> argparse.Namespace | None:
    """Return what daphne reads from its arguments, or None where it takes them for wrong.

    As in daphne itself, the last of each option counts, and a name may be cut short.

    Source: https://github.com/django/daphne/blob/main/daphne/cli.py
    """
    parser = _Parser(add_help=False)
    parser.add_argument("-p", "--port", type=int)
    parser.add_argument("-b", "--bind", dest="host")
    parser.add_argument("--websocket_timeout", type=int, default=86400)
    parser.add_argument("--websocket_connect_timeout", type=int, default=5)
    parser.add_argument("-u", "--unix-socket")
    parser.add_argument("--fd", type=int)
    parser.add_argument("-e", "--endpoint", dest="endpoints", action="append", default=[])
    for names in WITH_VALUE:
        parser.add_argument(*names)
    for name in ("--proxy-headers", "--no-server-name"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("application")
    try:
        return parser.parse_args(given)
    except ValueError:
        return None


def with_options(script: str, found: Started, ours: str) -> str:
    """Return a script in which a program is given these options in place of its own addresses."""
    kept = [script[word.start : word.end] for word in _without_addresses(found.given)]
    end = found.given[-1].end if found.given else found.program.end
    return " ".join([script[: found.program.end], ours, *kept]) + script[end:]


def _without_addresses(words: Iterable[Word]) -> Iterator[Word]:
    """Yield the words of a command line but for options that say where to listen, with values."""
    rest = iter(words)
    for word in rest:
        told = word.value or ""
        if told.partition("=")[0] in ADDRESSES:
            if "=" not in told:
                next(rest, None)  # its value
        elif not GLUED.match(told):
            yield word


def listening(options: argparse.Namespace) -> list[str]:
    """Return where daphne listens, as `address:port`, or as the endpoint is written."""
    given = _set_of(options)
    others = (("unix_socket", "unix"), ("fd", "fd"))
    places = [f"{word}:{given[name]}" for name, word in others if name in given]
    if given.keys() & {"host", "port"} or not (places or options.endpoints):
        places.append("{host}:{port}".format_map({"host": "127.0.0.1", "port": 8000} | given))
    return [*places, *map(_address, options.endpoints)]


def _set_of(options: argparse.Namespace) -> dict[str, object]:
    """Return the options that are set."""
    return {name: value for name, value in vars(options).items() if value is not None}


def _address(endpoint: str) -> str:
    """Return where an endpoint listens: `tcp:8000`, `tcp:port=80:interface=…`."""
    kind, *parts = endpoint.split(":")
    if kind != "tcp":
        return endpoint
    values = dict(part.partition("=")[::2] for part in parts if "=" in part)
    port = values.get("port", next(filter(str.isdigit, parts), ""))
    return f"{values.get('interface', '0.0.0.0')}:{port}"  # noqa: S104  its own default

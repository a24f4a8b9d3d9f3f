"""A YAML file as plain data, each part with its line; what YAML reads in odd ways is refused.

Of YAML, a mapping needs lists, keys with values, texts, plain numbers, true, false, null, dates,
and a rule repeated by an alias. Whatever else YAML offers is a way to write something other than
one means.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from handrail.transfer.mapping.rules import Place, Problem

Path = tuple[str | int, ...]

DEEPEST = 20
MOST_NODES = 200_000  # a few aliases within aliases stand for more than any machine holds
# Line ends that editors do not count, marks and control characters.
UNSEEN = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")  # neither has a place in a PostgreSQL text
BOOL = "tag:yaml.org,2002:bool"
QUOTE_IT = "put it in quotes if it is a text or a name"
OPEN_QUESTION = re.compile(r"(?<!\S)#\s*CHECK\b[^\n]*")
OPEN_TEXT = re.compile(r"CHECK\b")  # no column as `CHECK_NO` or `CHECKSUM`


@dataclass
class Document:
    """What a file says, where each part stands, and what is wrong with it.

    `questions` are the lines that say CHECK; `unread` are the parts whose problem is told already.
    """

    file: str
    data: Any = None  # Any: whatever the YAML file holds
    problems: list[Problem] = field(default_factory=list)
    lines: dict[Path, tuple[int, int]] = field(default_factory=dict)
    questions: list[int] = field(default_factory=list)
    unread: set[Path] = field(default_factory=set)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return the line of a part; of what holds it, where it is not there itself."""
        while path and path not in self.lines:
            path = path[:-1]
        at_key, at_value = self.lines.get(path, (1, 1))
        return Place(self.file, at_key if key else at_value)

    def problem(self, line: int, what: str, fix: str) -> None:
        """Note something wrong with a line."""
        self.problems.append(Problem(Place(self.file, line), what, fix))


def read(file: str, content: bytes) -> Document:
    """Read the bytes of a file; whatever is wrong stands in `problems`, and nothing is raised."""
    document = Document(file)
    text = _text(document, content)
    if text is None:
        return document
    try:
        _refuse_odd(document, text)
        if not document.problems:
            _Walk(document).read(text)
    except yaml.YAMLError as error:
        _note_unread(document, error)
    return document


def _note_unread(document: Document, error: yaml.YAMLError) -> None:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None)
    line = mark.line + 1 if mark else 1
    document.problem(line, f"this is not YAML{f': {said}' if said else ''}", "mend the line")


def _text(document: Document, content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        document.problem(line, "this is not UTF-8", "save the file as UTF-8")
        return None
    for found in UNSEEN.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        what = f"{_called(found[0])} stands here, unseen"
        document.problem(line, what, "remove it; save without such marks")
    return None if document.problems else text


def _called(unseen: str) -> str:
    return "a byte order mark" if unseen == "\ufeff" else f"the character {ord(unseen):#06x}"


def _refuse_odd(document: Document, text: str) -> None:
    """Look at the parser's events, which nest and expand nothing, and find open questions."""
    look = _Events(document)
    for event in yaml.parse(text, yaml.SafeLoader):
        if not look.is_fit(event):
            return
        look.at(event)
    _note_questions(document, text, look.written)


def _note_questions(document: Document, text: str, written: list[tuple[int, int]]) -> None:
    """Note the comments that say CHECK, but for what looks like one within a text."""
    for found in OPEN_QUESTION.finditer(text):
        if not any(start <= found.start() < end for start, end in written):
            document.questions.append(text.count("\n", 0, found.start()) + 1)


class _Events:
    """What the parser finds of a file; `written` is where its texts stand."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.depth = self.documents = 0
        self.written: list[tuple[int, int]] = []

    def is_fit(self, event: yaml.Event) -> bool:
        """Say whether the rest of the file can be looked at; of a second document, nothing can."""
        self.documents += isinstance(event, yaml.DocumentStartEvent)
        self.depth += isinstance(event, yaml.CollectionStartEvent)
        self.depth -= isinstance(event, yaml.CollectionEndEvent)
        line, told = _line(event), len(self.document.problems)
        if self.documents > 1:
            what = "a second document begins here"
            self.document.problem(line, what, "keep one in the file")
        elif self.depth > DEEPEST:
            fix = f"a mapping has under {DEEPEST} levels"
            self.document.problem(line, "this is nested too deeply", fix)
        return len(self.document.problems) == told

    def at(self, event: yaml.Event) -> None:
        """Note a tag, and where a text stands that may be an open question."""
        if tag := getattr(event, "tag", None):
            what = f"the tag `{tag}` means nothing here"
            self.document.problem(_line(event), what, "remove it")
        if isinstance(event, yaml.ScalarEvent):
            self.text(event)

    def text(self, event: yaml.ScalarEvent) -> None:
        if event.start_mark and event.end_mark:
            self.written.append((event.start_mark.index, event.end_mark.index))
        if OPEN_TEXT.match(event.value):
            self.document.questions.append(_line(event))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Walk:
    """One walk over the nodes of a file."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0
        self.within: list[int] = []

    def read(self, text: str) -> None:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        self.loader = loader
        if root is not None:
            self.document.data = self.value(root, ())

    def value(self, node: yaml.Node, path: Path) -> Any:  # Any: whatever the YAML file holds
        line = node.start_mark.line + 1
        self.document.lines.setdefault(path, (line, line))
        if not self.has_end(node, line, path):
            return None
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        self.within.append(id(node))
        try:
            return self.collection(node, path)
        finally:
            self.within.pop()

    def has_end(self, node: yaml.Node, line: int, path: Path) -> bool:
        """Say whether a part can be read to its end; where aliases make it endless, note it."""
        self.nodes += 1
        if self.nodes == MOST_NODES:
            self.document.problem(line, "aliases make this endless", "write the rules out")
        elif self.nodes < MOST_NODES and id(node) in self.within:
            self.document.problem(line, "this alias stands for what holds it", "write the rule out")
            self.document.unread.add(path)
        return self.nodes < MOST_NODES and id(node) not in self.within

    def collection(self, node: yaml.Node, path: Path) -> Any:  # Any: whatever the YAML file holds
        if isinstance(node, yaml.MappingNode):
            return {key: self.value(body, at) for key, body, at in self.entries(node, path)}
        return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]

    def entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, yaml.Node, Path]]:
        """Yield key, value and path of each entry: keys are names, taken as they are written."""
        seen: set[str] = set()
        for key_node, body in node.value:
            line = key_node.start_mark.line + 1
            key = str(key_node.value)
            if self.is_name(key_node, line) and self.is_new(key, seen, line):
                seen.add(key)
                self.document.lines[(*path, key)] = (line, body.start_mark.line + 1)
                yield key, body, (*path, key)

    def is_name(self, node: yaml.Node, line: int) -> bool:
        """Say whether a key is a name that a database can have; note it where it is not."""
        told = len(self.document.problems)
        if not isinstance(node, yaml.ScalarNode):
            self.document.problem(line, "this key is not a name", "write `name: …` there")
        elif node.value == "<<" and node.style is None:
            fix = "write the words out, or repeat a whole rule by `*alias`"
            self.document.problem(line, "`<<` merges nothing here", fix)
        elif UNWRITABLE.search(node.value):
            self.unwritable(line)
        return len(self.document.problems) == told

    def is_new(self, key: str, seen: set[str], line: int) -> bool:
        """Say whether a key stands there for the first time; note it where it does not."""
        if key in seen:
            self.document.problem(line, f"`{key}` stands twice here", "remove one of the two")
        return key not in seen

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:  # Any: what the text is read as
        """Read one; YAML 1.1 takes `no` for false, 0644 for 420, 12:30 for 750, 3.10 for 3.1."""
        line, written = node.start_mark.line + 1, str(node.value)
        told = len(self.document.problems)
        found = self.made(node, line, written)
        self.note_odd(found, line, written)
        if len(self.document.problems) > told:
            self.document.unread.add(path)
        return found

    def note_odd(self, found: object, line: int, written: str) -> None:
        """Note a number that is written otherwise, and a text that no database takes."""
        if type(found) in {int, float} and str(found) != written:
            what = f"YAML reads `{written[:40]}` as the number {found}"
            self.document.problem(line, what, f"write the number so; {QUOTE_IT}")
        if isinstance(found, str) and UNWRITABLE.search(found):
            self.unwritable(line)

    def made(self, node: yaml.ScalarNode, line: int, written: str) -> Any:  # Any: as above
        """Return what YAML makes of a text; nothing where that is odd, which is noted."""
        if node.tag == BOOL and written.lower() not in {"true", "false"}:
            fix = f"write `true` or `false`; {QUOTE_IT}"
            self.document.problem(line, f"YAML reads `{written}` as true or false", fix)
            return None
        try:
            return self.loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError):
            self.document.problem(line, f"`{written[:40]}` cannot be read", QUOTE_IT)
            return None

    def unwritable(self, line: int) -> None:
        fix = "write the text without `\\0` and without halves of characters"
        self.document.problem(line, "this text holds what no database takes", fix)

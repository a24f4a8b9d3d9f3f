"""What a page or a module of a frontend says that it loads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FILLED = r"\$\{(?>[^{}`]|`[^`]*`|\{[^{}]*\})*\}"
TEXT = (
    r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
    rf"|`(?>\\.|{FILLED}|[^`\\])*+`"
)
COMMENT = r"//[^\n]*|/\*.*?\*/"
# A comment, an import, a call that loads, a text or a pattern: taken in turn, so that none is
# looked for inside another.
TOKEN = re.compile(
    rf"{COMMENT}"
    r"|(?<![.\w$])(?:import|export)\b(?P<what>(?:(?!\b(?:import|export)\b)[^'\"`;()])*?)\bfrom\s*"
    r"(?P<q>['\"])(?P<from>[^'\"\n]+)(?P=q)"
    r"|(?<![.\w$])import\s*(?P<r>['\"])(?P<bare>[^'\"\n]+)(?P=r)"
    r"|(?<![.\w$])(?P<call>import|require|new\s+URL"
    r"|import\.meta\.(?:resolve|glob(?:Eager)?))\s*(?:<[^<>()]*>\s*)?\("
    rf"|{TEXT}"
    r"|(?<=[(,=:\[!&|?;])\s*/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/",
    re.DOTALL,
)
PIECE = re.compile(rf"{COMMENT}|{TEXT}|[\[({{]|[\])}}]|,|.", re.DOTALL)
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
ADDRESS = re.compile(r"(?<![\w-])src\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))", re.IGNORECASE)
MODULE = re.compile(r"\btype\s*=\s*[\"']?module\b", re.IGNORECASE)
HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
TYPES = re.compile(r"\s*type\b(?!\s*(?:,|$))|\s*\{\s*(?:type\s+[^,}]+,?\s*)+\}\s*$")
BASE = re.compile(r"\bbase\s*:\s*['\"]([^'\"]+)['\"]")
WIDTH = 60  # of a call that is told
HOLE = "\0"  # in a name: something that is known only as the module runs


@dataclass(frozen=True)
class Load:
    """Something that is loaded.

    Args:
        name: As it is written, with a `HOLE` for each part that is not; or a glob.
        globs: Whether `name` is a glob.
        without: Globs of what is left out.
        base: The folder that a glob begins at, where it is not the module's own.
        written: The call, where it is one.
    """

    name: str
    globs: bool = False
    without: tuple[str, ...] = ()
    base: str = ""
    written: str = ""

    @property
    def is_unknown(self) -> bool:
        """Tell whether nothing says where it begins."""
        return self.name.startswith(HOLE)


def loads(path: str, text: str) -> Iterator[Load]:
    """Yield what a page or a module loads."""
    if not path.endswith((".html", ".htm")):
        yield from loads_of_module(text)
        return
    for tag, script in SCRIPT.findall(HIDDEN.sub("", text)):
        if address := ADDRESS.search(tag):
            yield Load(next(filter(None, address.groups()), ""))
        elif MODULE.search(tag):
            yield from loads_of_module(script)


def loads_of_module(text: str) -> Iterator[Load]:
    """Yield what a module loads: at once, later, or as one of many that fit a pattern."""
    for token in TOKEN.finditer(text):
        name = token["from"] or token["bare"]
        if name and not TYPES.match(token["what"] or ""):
            yield Load(name)
        elif token["call"]:
            yield from loads_of_call(" ".join(token["call"].split()), given(text, token.end()))


def loads_of_call(call: str, arguments: list[str]) -> Iterator[Load]:
    """Yield what `import(…)`, `require(…)`, `new URL(…)` or `import.meta.glob(…)` loads."""
    first, *others = arguments or [""]
    if call.startswith("import.meta.glob"):
        yield from loads_of_glob(first, " ".join(others))
        return
    if call == "new URL" and "import.meta.url" not in " ".join(others):
        return
    if "import.meta.url" not in first:  # else the address inside is found by itself
        yield Load(name_of(first), written=f"{call}({first})"[:WIDTH])


def loads_of_glob(patterns: str, options: str) -> Iterator[Load]:
    """Yield what each pattern of ``import.meta.glob(…)`` loads, without those that begin with !."""
    globs = [each[1:-1] for each in re.findall(TEXT, patterns)]
    without = tuple(each[1:] for each in globs if each.startswith("!"))
    base = BASE.search(options)
    for each in globs:
        if not each.startswith("!"):
            yield Load(each, True, without, base[1] if base else "")  # noqa: FBT003


def given(text: str, start: int) -> list[str]:
    """Return the arguments of a call, as they are written and without comments."""
    found, depth = [""], 0
    for piece in PIECE.finditer(text, start):
        each = piece[0]
        depth += (each in "[({") - (each in "])}")
        if depth < 0:
            break
        if each == "," and not depth:
            found.append("")
        elif not each.startswith(("//", "/*")):
            found[-1] += each
    return list(filter(None, map(str.strip, found)))


def name_of(expression: str) -> str:
    """Return the name that an expression comes to, with a hole for what is not written there."""
    name = ""
    for piece in PIECE.finditer(expression):
        each = piece[0]
        if each[0] == "`":
            name += re.sub(FILLED, HOLE, each[1:-1])
        elif each[0] in "'\"":
            name += each[1:-1]
        elif each.strip() not in ("", "+"):
            name += HOLE
    return re.sub(f"{HOLE}+", HOLE, name)

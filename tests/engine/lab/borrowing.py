"""Steps that borrow pyinfra's own operations, with commands of every kind."""

from io import StringIO
from pathlib import Path

from pyinfra.api.command import FileDownloadCommand, FunctionCommand, RsyncCommand
from pyinfra.api.operation import operation
from pyinfra.context import host
from pyinfra.facts.files import File, FileContents
from pyinfra.operations import files, python, server

from handrail.engine import Commands, Finding, Secret, adopt, call, holds_if, step, uses


def lines(path: str) -> list[str] | None:
    """Return what pyinfra reads of a file, or None where there is none."""
    if host.get_fact(File, path=path) is None:
        return None
    found = host.get_fact(FileContents, path=path)
    return list(found or [])


def file_reads(path: str, text: str) -> Finding:
    """The file reads as it should, as pyinfra sees it."""
    found = lines(path)
    return holds_if(found == text.splitlines(), f"it reads {found!r}")


def put_back(path: str, before: list[str] | None) -> Commands:
    """Put back, by pyinfra's own operations."""
    if before is None:
        yield from uses(files.file, path=path, present=False)
    else:
        text = "".join(f"{line}\n" for line in before)
        yield from uses(files.put, src=StringIO(text), dest=path)


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def upload(path: str, text: str) -> Commands:
    """Upload a text."""
    yield from uses(files.put, src=StringIO(text), dest=path)


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def fill(path: str, text: str, template: str, word: str) -> Commands:
    """Fill a template in."""
    yield from uses(files.template, src=template, dest=path, word=word)


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def edit(path: str, text: str, line: str) -> Commands:
    """Add a line, then see it with a shell line of its own."""
    yield from uses(files.line, path=path, line=line)
    yield from uses(server.shell, commands=[f"grep -q '{line}' {path}"])


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def synchronize(path: str, text: str, src: str) -> Commands:
    """Upload a folder."""
    yield from uses(files.sync, src=src, dest=str(Path(path).parent))


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def write_from_python(path: str, text: str) -> Commands:
    """Write through one of pyinfra's function commands."""
    yield from uses(python.call, function=Path(path).write_text, data=text)


@operation()
def everything(src: str, kept: str, dest: str):
    """Download, copy with rsync, call a function."""
    yield FileDownloadCommand(src, kept)
    yield RsyncCommand(kept, dest, ["-a"])
    yield FunctionCommand(lambda state, host: Path(dest).exists(), (), {})


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def fetch(path: str, text: str, src: str, kept: str) -> Commands:
    """Carry out commands of the remaining kinds."""
    yield from uses(everything, src=src, kept=kept, dest=path)


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def miss(path: str, text: str) -> Commands:
    """Upload a file that is not there."""
    yield from uses(files.put, src="/nowhere/at/all", dest=path)


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def misspell(path: str, text: str) -> Commands:
    """Name an argument that the operation does not have."""
    yield from uses(files.put, src="x", sorce="y", dest=path)  # type: ignore[call-arg]


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def climb(path: str, text: str) -> Commands:
    """Say for one operation what is about the whole step."""
    yield from uses(files.put, src=StringIO(text), dest=path, _sudo=True)  # type: ignore[call-arg]


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def forget(path: str, text: str) -> Commands:
    """Call an operation where it should be handed over."""
    files.file(path=path)
    yield from ()


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def hide(path: str, text: str) -> Commands:
    """Call an operation in a function that the step calls."""
    yield call(files.file, path=path)


def touched(path: str) -> Finding:
    """The file is there, made so by whoever asks."""
    files.file(path=path)
    return holds_if(lines(path) is not None, "it is not there")


@step(captures=lines, ensures=touched, rollback=put_back, idempotent=True)
def meddle(path: str, text: str) -> Commands:
    """Leave the act to the claim."""
    yield from ()


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def break_down(path: str, text: str, value: Secret) -> Commands:
    """Fail in a shell line, after many words and a secret."""
    yield f"seq 1 2000; cat {value.reference.removeprefix('file:')}; echo the end; exit 7"


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def drop(path: str, text: str) -> Commands:
    """Upload to a folder that is not there."""
    yield from uses(files.put, src=StringIO(text), dest=path, create_remote_dir=False)


@step(captures=lines, ensures=file_reads, rollback=put_back, idempotent=True)
def refuse(path: str, text: str) -> Commands:
    """Meet a function of an operation that answers False."""
    yield FunctionCommand(lambda state, host: False, (), {})


def restore_line(path: str, before: list[str] | None) -> Commands:
    """Put the file back as it read."""
    yield from put_back(path, before)


def content_of(dest: str) -> list[str] | None:
    """Return what pyinfra reads of the destination."""
    return lines(dest)


def restore_content(dest: str, before: list[str] | None) -> Commands:
    """Put the destination back as it read."""
    yield from put_back(dest, before)


line = adopt(files.line, captures=lines, rollback=restore_line)
template = adopt(files.template, captures=content_of, rollback=restore_content)
copy = adopt(files.put, captures=content_of, rollback=restore_content)

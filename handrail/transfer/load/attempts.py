"""Many changes of a schema in one round trip, each all or nothing, whatever others come to."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import block, literal

FAILED = "handrail.failed"  # a setting of the session
# The role's own path is for functions that others wrote, of indexes and of keys.
SCRIPT = """
declare
    item record; statement text; state text; said text; failed jsonb := '[]';
    space text := current_setting('default_tablespace');
begin
    for item in select * from jsonb_to_recordset({items})
                as x(place int, statements text[], tablespace text) order by place
    loop
        begin
            perform set_config('search_path', {path}, true),
                    set_config('default_tablespace', coalesce(item.tablespace, space), true);
            foreach statement in array item.statements loop
                execute statement;
            end loop;
        exception when others then
            get stacked diagnostics state = returned_sqlstate, said = message_text;
            failed := failed || jsonb_build_array(jsonb_build_array(item.place, state, said));
        end;
    end loop;
    perform set_config('default_tablespace', space, true),
            set_config({setting}, failed::text, true);
end
"""


@dataclass(frozen=True)
class Attempt:
    """Statements that belong together; a `tablespace` of its own for what they make."""

    statements: tuple[str, ...]
    tablespace: str | None = None


@dataclass(frozen=True)
class Failure:
    """What the server said to one attempt: its place in the list, SQLSTATE and words."""

    place: int
    state: str
    said: str


def attempt(session: Connection, attempts: Sequence[Attempt]) -> list[Failure]:
    """Make attempts one after the other in one transaction, and return those that failed.

    Raises:
        psycopg.Error: the line or the server is gone, and nothing was done.
    """
    if not attempts:
        return []
    items = json.dumps([{"place": n} | asdict(each) for n, each in enumerate(attempts)])
    script = SCRIPT.format(
        items=literal(items), path=literal(session.path), setting=literal(FAILED)
    )
    cursor = session.execute(f"{block(script)}; select current_setting({literal(FAILED)})")
    cursor.nextset()
    row = cursor.fetchone() or ("[]",)
    return [Failure(*each) for each in json.loads(row[0])]

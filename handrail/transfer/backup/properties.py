"""What a database has beside its tables: owner, encoding, locale, settings, rights, comment.

A dump of its tables holds none of it. PostgreSQL's `pg_dumpall` writes the same facts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from handrail.transfer.session.asking import Question, answers
from handrail.transfer.session.connection import Connection, first_line
from handrail.transfer.session.quoting import literal, quoted

# Settings whose elements are stored as identifiers, each quoted by itself where it must be: those
# that PostgreSQL's own pg_dump knows as such, in `variable_is_guc_list_quote`.
LISTS = {
    "local_preload_libraries", "search_path", "session_preload_libraries",
    "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories",
}  # fmt: skip
ELEMENT = re.compile(r'"((?:[^"]|"")*)"|([^,\s]+)')
FREEZE = "default_transaction_read_only"  # belongs to the database that was frozen
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
OWN_LOCALE = {"icu": "icu_locale", "builtin": "builtin_locale"}
DATABASE = """
select to_jsonb(d) || jsonb_build_object(
    'owner', pg_get_userbyid(d.datdba), 'coding', pg_encoding_to_char(d.encoding),
    'space', (select spcname from pg_tablespace t where t.oid = d.dattablespace and t.oid <>
              (select dattablespace from pg_database where datname = 'template0')),
    'comment', shobj_description(d.oid, 'pg_database'))
from pg_database d where datname = %s
"""
SETTINGS = """
select coalesce(r.rolname::text, ''), c from pg_db_role_setting s
join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole,
unnest(s.setconfig) with ordinality u(c, o) where d.datname = %s order by 1, o
"""
RIGHTS = """
select a.grantee = 0, coalesce(r.rolname::text, ''), a.privilege_type::text, a.is_grantable
from pg_database d, aclexplode(d.datacl) a left join pg_roles r on r.oid = a.grantee
where d.datname = %s order by 1, 2, 3
"""
LABELS = """
select l.provider, l.label from pg_shseclabel l join pg_database d on d.oid = l.objoid
where l.classoid = 'pg_database'::regclass and d.datname = %s order by 1
"""


@dataclass(frozen=True)
class Properties:
    """The facts of one database; `settings` are of roles, or of all where the role is empty.

    `rights` are None where nobody ever changed them; else whether for PUBLIC, the role, what, and
    whether it may be passed on.
    """

    owner: str
    encoding: str
    locale: tuple[tuple[str, str], ...]
    tablespace: str | None
    connection_limit: int
    comment: str | None
    settings: tuple[tuple[str, str], ...]
    rights: tuple[tuple[bool, str, str, bool], ...] | None
    labels: tuple[tuple[str, str], ...]

    def creation(self) -> str:
        """Return what stands behind the name in CREATE DATABASE."""
        locale = " ".join(f"{key} {literal(value)}" for key, value in self.locale)
        # naming the usual one takes a right that an owner has not
        space = f" tablespace {quoted(self.tablespace)}" if self.tablespace else ""
        return (
            f"owner {quoted(self.owner)} template template0 encoding {literal(self.encoding)} "
            f"{locale}{space}"
        )

    def statements(self, database: str) -> Iterator[str]:
        """Yield what gives a database of that name the rest of the properties."""
        name = quoted(database)
        yield from (_setting(name, *each) for each in self.settings)
        yield from self._granting(name)
        if self.comment is not None:
            yield f"comment on database {name} is {literal(self.comment)}"
        for provider, label in self.labels:
            yield f"security label for {quoted(provider)} on database {name} is {literal(label)}"
        if self.connection_limit >= 0:
            yield f"alter database {name} connection limit {self.connection_limit}"

    def _granting(self, name: str) -> Iterator[str]:
        if self.rights is not None:
            yield f"revoke all on database {name} from public, {quoted(self.owner)}"
            yield from (_grant(name, *each) for each in self.rights)


def _setting(database: str, role: str | None, setting: str) -> str:
    """Return the statement that gives a database, or a role in it, a setting."""
    key, _, text = setting.partition("=")
    whose = f"role {quoted(role)} in database {database}" if role else f"database {database}"
    return f"alter {whose} set {quoted_setting(key)} = {setting_value(key, text)}"


def _grant(database: str, everybody: bool, role: str, right: str, passes: bool) -> str:  # noqa: FBT001 - a row of rights
    whom = "public" if everybody else quoted(role)
    return f"grant {right} on database {database} to {whom}{' with grant option' * passes}"


def read(session: Connection, database: str) -> Properties | None:
    """Read the properties of a database of this server; None where there is none of that name."""
    queries = (DATABASE, SETTINGS, RIGHTS, LABELS)
    row, settings, rights, labels = answers([Question(session, q, [database]) for q in queries])
    if not row:
        return None
    found: dict[str, Any] = row[0][0]  # Any: the columns of pg_database, of any version
    return Properties(
        owner=found["owner"],
        encoding=found["coding"],
        locale=tuple(_locale(found)),
        tablespace=found["space"],
        connection_limit=found["datconnlimit"],
        comment=found["comment"],
        settings=tuple(filter(_is_lasting, settings)),
        rights=None if found["datacl"] is None else tuple(rights),
        labels=tuple(labels),
    )


def _is_lasting(setting: tuple[str, str]) -> bool:
    """Say whether a setting of a role, or of all, is none that a freeze made."""
    role, text = setting
    return bool(role) or not text.startswith(f"{FREEZE}=")


def give(session: Connection, database: str, wanted: Properties) -> tuple[str, ...]:
    """Give a database these properties; return the statements that this role may not make.

    Each comes with what PostgreSQL said, as a comment: somebody who may has to run it.
    """
    refused = []
    for statement in wanted.statements(database):
        try:
            session.execute(statement)
        except psycopg.Error as error:
            refused.append(f"{statement};  -- {first_line(error)}")
    return tuple(refused)


def setting_value(key: str, text: str) -> str:
    """Return a stored setting as ALTER … SET takes it: a list is not one long name."""
    if key.lower() not in LISTS:
        return literal(text)
    elements = [
        literal(inner.replace('""', '"') if bare == "" else bare)
        for inner, bare in ELEMENT.findall(text)
    ]
    return ", ".join(elements) or "''"


def quoted_setting(key: str) -> str:
    """Return the name of a setting, whose parts may be of any spelling."""
    return ".".join(map(quoted, key.split(".")))


def _locale(found: dict[str, Any]) -> Iterator[tuple[str, str]]:  # Any: as above
    """Yield the words of CREATE DATABASE for the locale; what a version does not know is absent."""
    provider = PROVIDERS.get(found.get("datlocprovider", "c"), "libc")
    if "datlocprovider" in found:
        yield "locale_provider", provider
    yield "lc_collate", found["datcollate"]
    yield "lc_ctype", found["datctype"]
    own = found.get("datlocale") or found.get("daticulocale")
    if own and provider in OWN_LOCALE:
        yield OWN_LOCALE[provider], own
    if found.get("daticurules"):
        yield "icu_rules", found["daticurules"]

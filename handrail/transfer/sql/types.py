"""Types as PostgreSQL spells them, and what may be done with them."""

NAIVE = "timestamp without time zone"
AWARE = "timestamp with time zone"
TIME = "time without time zone"
TEXTUAL = {"text", "character varying", "bpchar", "citext", "name"}
WIDENINGS = {
    ("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"),
    ("smallint", "numeric"), ("integer", "numeric"), ("bigint", "numeric"),
    ("smallint", "double precision"), ("integer", "double precision"),
    ("real", "double precision"), ("json", "jsonb"),
}  # fmt: skip
# The binary digits of a `real` that shows 0.1 show 0.10000000149011612 in the wider type. What the
# source shows is taken; it is the same `real` again.
SHOWN_OTHERWISE = ("real", "double precision")
# Types whose values have a hash that is equal when the values are.
HASHED = {
    "boolean", "bytea", "smallint", "integer", "bigint", "text", "character varying", "bpchar",
    "real", "double precision", "numeric", "date", TIME, "time with time zone", NAIVE, AWARE,
    "interval", "uuid", "jsonb", "inet", "oid",
}  # fmt: skip
INTEGERS = {"smallint", "integer", "bigint"}
NUMBERS = INTEGERS | {"numeric", "real", "double precision"}
MOMENTS = {"date", NAIVE, AWARE}
# Types that round what is assigned to them, where they are declared with a precision.
ROUNDED = {"numeric", NAIVE, AWARE, TIME, "time with time zone", "interval"}
# Types that hold the number which one database has given to an object.
OBJECTS = {
    "regclass", "regproc", "regprocedure", "regoper", "regoperator", "regtype", "regrole",
    "regnamespace", "regconfig", "regdictionary", "regcollation",
}  # fmt: skip

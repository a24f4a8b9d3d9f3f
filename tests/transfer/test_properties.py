"""The eight properties of the plan's task 8.4, on real databases with the real mapping's rules."""

import datetime as dt
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bcrypt
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from handrail.transfer.load import load
from handrail.transfer.read import export
from handrail.transfer.verify.verify import verify
from tests.transfer.pair import ask

EXAMPLES = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # rows are few already, and each try loads them
)
# PostgreSQL's text holds everything but NUL and halves of surrogate pairs.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001 - naive on purpose
IDS = st.lists(st.integers(1, 10**6), min_size=1, max_size=8, unique=True)


def cadet(identity, **more):
    """A sound cadet."""
    return {
        "id": identity,
        "first_name": "A",
        "last_name": "B",
        "student_id": f"S{identity}",
    } | more


def user(identity, **more):
    """A sound account."""
    return {
        "id": identity,
        "username": f"u{identity}",
        "password": "$2b$04$" + "a" * 53,
        "role": "cadet",
    } | more


@pytest.fixture(scope="module")
def letters(part):
    """Cadets and their excuse letters, which no foreign key held."""
    return part("cadets", "excuse_letters")


@pytest.fixture(scope="module")
def accounts(part):
    """Users with what they refer to."""
    return part("cadets", "training_staff", "users", "auth_user")


@pytest.fixture(scope="module")
def notices(part):
    """Messages among the staff, and logs."""
    return part("training_staff", "staff_messages", "audit_logs")


@pytest.fixture(scope="module")
def days(part):
    """Training days with their attendance."""
    return part("cadets", "training_days", "attendance_records")


@EXAMPLES
@given(data=st.data())
def test_property_1_relationship_preservation(letters, data):
    """Validates 4.4, 10.2, 10.7: a child refers to the same parent, or is accounted for."""
    cadets = data.draw(IDS)
    owner = st.one_of(st.none(), st.sampled_from(cadets), st.integers(2 * 10**6, 3 * 10**6))
    owners = data.draw(st.lists(owner, max_size=12))
    kept = {number: one for number, one in enumerate(owners, 1) if one in cadets}
    lost = set(range(1, len(owners) + 1)) - set(kept)
    # twenty sound letters more keep the share of lost ones under the declared limit
    sound = {100 + number: cadets[0] for number in range(20)}
    rows = [*enumerate(owners, 1), *sound.items()]
    letters.refill(
        cadets=[cadet(one) for one in cadets],
        excuse_letters=[{"id": n, "cadet_id": c, "date_absent": "2025-01-01"} for n, c in rows],
    )

    letters.load()

    assert dict(letters.django("select id, cadet_id from excuse_letters")) == kept | sound
    recorded = letters.django(
        "select key from _migration.quarantine where table_name = 'excuse_letters'"
    )
    assert {int(key) for (key,) in recorded} == lost


@EXAMPLES
@given(moments=st.lists(st.one_of(st.none(), MOMENTS), min_size=1, max_size=20))
def test_property_2_timestamp_preservation(notices, moments):
    """Validates 4.5, 10.5: a naive moment is that moment in UTC, whatever zone the servers like."""
    notices.refill(
        training_staff=[{"id": 1, "first_name": "A", "last_name": "B"}],
        staff_messages=[
            {"id": n, "sender_staff_id": 1, "content": "x", "created_at": moment}
            for n, moment in enumerate(moments, 1)
        ],
    )
    for name, zone in zip(notices.names, ("Asia/Manila", "America/New_York"), strict=True):
        ask(notices.source, f"alter database {name} set timezone = '{zone}'")

    notices.load()

    unknown = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - naive on purpose
    wanted = {n: moment or unknown for n, moment in enumerate(moments, 1)}
    found = notices.django("select id, created_at at time zone 'UTC' from staff_messages")
    assert dict(found) == wanted
    recorded = notices.django(
        "select key from _migration.adjusted where table_name = 'staff_messages'"
    )
    assert {int(key) for (key,) in recorded} == {
        n for n, moment in enumerate(moments, 1) if moment is None
    }


@EXAMPLES
@given(
    known=st.lists(st.tuples(TEXT, st.sampled_from("aby")), min_size=1, max_size=4),
    spoilt=st.lists(
        st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=59), max_size=3
    ),
)
def test_property_3_password_authentication_preservation(accounts, known, spoilt):
    """Validates 4.6, 10.3: who could log in can, byte for byte; who could not, still cannot."""
    stored = []
    for text, letter in known:
        hashed = bcrypt.hashpw(text.encode()[:72], bcrypt.gensalt(4)).decode()
        stored.append(hashed.replace("$2b$", f"$2{letter}$"))
    rows = [user(n, password=password) for n, password in enumerate([*stored, *spoilt], 1)]
    accounts.refill(users=rows)

    accounts.load()

    there = dict(accounts.django("select id, password from users"))
    for number, ((text, _), hashed) in enumerate(zip(known, stored, strict=True), 1):
        assert there[number] == hashed
        assert bcrypt.checkpw(text.encode()[:72], there[number].encode())
    assert [there[len(stored) + n] for n in range(1, len(spoilt) + 1)] == ["!unusable"] * len(
        spoilt
    )
    assert set(accounts.django("select password from auth_user")) == {("!unusable",)}
    assert (
        accounts.django("select id, username from auth_user except select id, username from users")
        == []
    )


class Files(BaseHTTPRequestHandler):
    """`/alive/…` is there, everything else is not; HEAD is refused under `/alive/get/`."""

    def do_GET(self):
        """Answer for the file."""
        self.answer(200 if self.path.startswith("/alive/") else 404)

    def do_HEAD(self):
        """Answer for the file, where HEAD is liked."""
        self.answer(
            405
            if self.path.startswith("/alive/get/")
            else 200
            if self.path.startswith("/alive/")
            else 410
        )

    def answer(self, status):
        """Send a status and nothing else."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def host():
    """A file host on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@EXAMPLES
@given(
    drawn=st.lists(
        st.sampled_from(["alive", "alive/get", "dead", "relative", "none"]), min_size=1, max_size=12
    )
)
def test_property_4_file_url_accessibility(letters, host, drawn):
    """Validates 4.7, 10.4: every address arrives unchanged, and is told apart by what answers."""
    urls = {
        n: None
        if kind == "none"
        else f"/uploads/{n}.png"
        if kind == "relative"
        else f"{host}/{kind}/{n}.png?a=1&b=é"
        for n, kind in enumerate(drawn, 1)
    }
    letters.refill(
        cadets=[cadet(1)],
        excuse_letters=[
            {"id": n, "cadet_id": 1, "date_absent": "2025-01-01", "file_url": u}
            for n, u in urls.items()
        ],
    )

    letters.load()

    assert dict(letters.django("select id, file_url from excuse_letters")) == urls
    report = verify(letters.plan, letters.source, letters.destination, ask_links=True)
    counted = Counter(kind.partition("/")[0] for kind in drawn)
    assert report.links.counts() == {
        "alive": counted["alive"],
        "dead": counted["dead"],
        "relative": counted["relative"],
        "unanswered": 0,
        "unasked": 0,
    }
    assert report.links_lost == ()


@EXAMPLES
@given(data=st.data())
def test_property_5_record_count_preservation(letters, data):
    """Validates 10.1: rows moved and rows kept out add up to the rows of the source."""
    cadets = data.draw(IDS)
    dated = data.draw(st.lists(st.sampled_from(["2025-03-01", None]), max_size=9))
    rows = [{"id": n, "cadet_id": cadets[0], "date_absent": day} for n, day in enumerate(dated, 1)]
    rows += [
        {"id": 100 + n, "cadet_id": cadets[-1], "date_absent": "2025-03-01"} for n in range(15)
    ]
    letters.refill(cadets=[cadet(one) for one in cadets], excuse_letters=rows)

    result = letters.load(chunk_rows=data.draw(st.integers(1, 30)))

    counts = {table.table: (table.rows, table.quarantined) for table in result.tables}
    assert counts == {
        "cadets": (len(cadets), 0),
        "excuse_letters": (len(rows) - dated.count(None), dated.count(None)),
    }
    assert letters.django("select count(*) from cadets") == [(len(cadets),)]
    assert letters.django("select count(*) from excuse_letters") == [
        (len(rows) - dated.count(None),)
    ]


DATES = st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31))
TIMES = st.times().map(lambda moment: moment.replace(microsecond=0))
WRITTEN_DATES = {
    "iso": lambda day: day.isoformat(),
    "us": lambda day: f"{day.month}/{day.day}/{day.year}",
    "us padded": lambda day: day.strftime("%m/%d/") + str(day.year),
    "long": lambda day: f"{day:%B} {day.day}, {day.year}",
    "short": lambda day: f" {day.day} {day:%b} {day.year}",
    "instant": lambda day: f"{day.isoformat()}T00:00:00.000Z",
}
WRITTEN_TIMES = {
    "24": lambda moment: (f"{moment:%H:%M}", moment.replace(second=0)),
    "seconds": lambda moment: (f"{moment:%H:%M:%S}", moment),
    "node": lambda moment: (f"{moment:%I:%M:%S}".lstrip("0") + f"\u202f{moment:%p}", moment),
    "military": lambda moment: (f"{moment:%H%M}H", moment.replace(second=0)),
    "dash": lambda moment: ("-", None),
    "word": lambda moment: ("late", None),
}


@EXAMPLES
@given(
    rows=st.lists(
        st.tuples(
            DATES,
            st.sampled_from(sorted(WRITTEN_DATES)),
            TIMES,
            st.sampled_from(sorted(WRITTEN_TIMES)),
        ),
        min_size=1,
        max_size=10,
    ),
    approved=st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=6),
)
def test_property_6_data_type_correctness(days, accounts, rows, approved):
    """Validates 3.5, 10.6: texts become the dates, times and booleans that they say."""
    written = [WRITTEN_TIMES[style](moment) for _, _, moment, style in rows]
    days.refill(
        cadets=[cadet(1)],
        training_days=[
            {"id": n, "date": WRITTEN_DATES[s](d), "title": "T"}
            for n, (d, s, _, _) in enumerate(rows, 1)
        ],
        attendance_records=[
            {"id": n, "training_day_id": n, "cadet_id": 1, "status": "present", "time_in": text}
            for n, (text, _) in enumerate(written, 1)
        ],
    )
    accounts.refill(users=[user(n, is_approved=value) for n, value in enumerate(approved, 1)])

    days.load()
    accounts.load()

    assert dict(days.django("select id, date from training_days")) == {
        n: row[0] for n, row in enumerate(rows, 1)
    }
    found = dict(days.django("select id, time_in from attendance_records"))
    assert found == {n: moment for n, (_, moment) in enumerate(written, 1)}
    found = dict(accounts.django("select id, is_approved from users"))
    assert found == {n: value == 1 for n, value in enumerate(approved, 1)}
    assert verify(days.plan, days.source, days.destination).reasons() == []


@EXAMPLES
@given(
    emails=st.lists(
        st.one_of(
            st.none(),
            st.sampled_from(["", "  ", "a@x.ph", "A@x.PH", "a@x.ph ", "b@x.ph"]),
            st.emails(),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_property_7_unique_constraint_enforcement(accounts, emails):
    """Validates 10.8: no address twice; the first keeps it, the others get one that is recorded."""
    accounts.refill(users=[user(n, email=email) for n, email in enumerate(emails, 1)])

    accounts.load()

    found = dict(accounts.django("select id, email from users"))
    assert len({email.strip().lower() for email in found.values()}) == len(emails)
    seen = set()
    replaced = set()
    for number, email in enumerate(emails, 1):
        folded = (email or "").strip().lower()
        if not folded or folded in seen:
            replaced.add(number)
            assert found[number] == f"user-{number}@migrated.invalid"
        else:
            assert found[number] == email
        seen.add(folded)
    recorded = accounts.django("select key from _migration.adjusted where column_name = 'email'")
    assert {int(key) for (key,) in recorded} == replaced


NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30), st.decimals(allow_nan=False, allow_infinity=False, places=20)
)
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), TEXT, NUMBERS.map(str)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


@EXAMPLES
@given(
    rows=st.lists(st.tuples(TEXT, DOCUMENTS, NUMBERS), min_size=1, max_size=8),
    size=st.integers(1, 10),
)
def test_property_8_round_trip_serialization(notices, tmp_path_factory, rows, size):
    """Validates 10.10: through files and back, every text and every number is what it was."""
    payloads = [
        json.dumps({"d": document})[:-1] + f', "n": {number}}}' for _, document, number in rows
    ]
    notices.refill(
        training_staff=[{"id": 1, "first_name": "A", "last_name": "B"}],
        staff_messages=[
            {"id": n, "sender_staff_id": 1, "content": row[0], "created_at": "2025-01-01"}
            for n, row in enumerate(rows, 1)
        ],
        audit_logs=[
            {"id": n, "table_name": "t", "operation": "o", "payload": p}
            for n, p in enumerate(payloads, 1)
        ],
    )
    directory = tmp_path_factory.mktemp("export") / "files"

    export.export(notices.plan, notices.source, notices.destination, directory, chunk_rows=size)
    load.load_export(notices.plan, directory, notices.destination)

    assert dict(notices.django("select id, content from staff_messages")) == {
        n: row[0] for n, row in enumerate(rows, 1)
    }
    query = "select id, payload::text from audit_logs order by id"
    assert notices.django(query) == notices.legacy(query)
    assert verify(notices.plan, notices.source, notices.destination).reasons() == []

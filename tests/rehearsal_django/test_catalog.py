"""The tables that Django's migrations leave behind are those the transfer was written for."""

import pytest

# One line a column, as information_schema names types; `!` where NULL is refused. Written by hand
# from what was read from the real system, so that a change of the models is seen here.
EXPECTED = {
    "users": """
        id integer!, username varchar(255)!, password varchar(255)!, role varchar(20)!,
        cadet_id integer, staff_id integer, is_approved boolean!, email varchar(254)!,
        profile_pic text, last_latitude double precision, last_longitude double precision,
        last_location_at timestamptz, created_at timestamptz!
    """,
    "user_settings": """
        id integer!, user_id integer!, email_alerts boolean!, push_notifications boolean!,
        activity_updates boolean!, dark_mode boolean!, compact_mode boolean!,
        primary_color varchar(50)!, custom_bg text
    """,
    "cadets": """
        id integer!, first_name varchar(255)!, middle_name varchar(255), last_name varchar(255)!,
        suffix_name varchar(50), email varchar(254), contact_number varchar(50), address text,
        course varchar(255), year_level integer, company varchar(50), platoon varchar(50),
        gender varchar(20), status varchar(50)!, student_id varchar(50)!, profile_pic text,
        is_profile_completed boolean!, is_archived boolean!, created_at timestamptz!,
        birthdate date, birthplace varchar(255), age integer, height varchar(50),
        weight varchar(50), blood_type varchar(10), civil_status varchar(50),
        nationality varchar(100), language_spoken varchar(255), combat_boots_size varchar(20),
        uniform_size varchar(20), bullcap_size varchar(20), facebook_link text,
        rotc_unit varchar(255), mobilization_center varchar(255)
    """,
    "grades": """
        id integer!, cadet_id integer!, attendance_present integer!, merit_points integer!,
        demerit_points integer!, prelim_score double precision, midterm_score double precision,
        final_score double precision
    """,
    "training_staff": """
        id integer!, rank varchar(100), first_name varchar(255)!, middle_name varchar(255),
        last_name varchar(255)!, suffix_name varchar(50), email varchar(254)!,
        contact_number varchar(50), role varchar(100), profile_pic text, afpsn varchar(50),
        birthdate date, birthplace varchar(255), age integer, height varchar(50),
        weight varchar(50), blood_type varchar(10), address text, civil_status varchar(50),
        nationality varchar(100), gender varchar(20), language_spoken varchar(255),
        combat_boots_size varchar(20), uniform_size varchar(20), bullcap_size varchar(20),
        facebook_link text, rotc_unit varchar(255), mobilization_center varchar(255),
        is_profile_completed boolean!, has_seen_guide boolean!, created_at timestamptz!,
        is_archived boolean!
    """,
    "training_days": """
        id integer!, date date!, title varchar(255)!, description text, location varchar(255),
        created_at timestamptz!
    """,
    "attendance_records": """
        id integer!, training_day_id integer!, cadet_id integer!, status varchar(20)!,
        time_in time, time_out time, created_at timestamptz!
    """,
    "staff_attendance_records": """
        id integer!, training_day_id integer!, staff_id integer!, time_in time, time_out time,
        created_at timestamptz!
    """,
    "excuse_letters": """
        id integer!, cadet_id integer!, date_absent date!, reason text!, file_url text,
        status varchar(20)!, created_at timestamptz!, training_day_id integer
    """,
    "merit_demerit_logs": """
        id integer!, cadet_id integer!, type varchar(10)!, points integer!, reason text!,
        date_recorded timestamptz!, issued_by_user_id integer!, issued_by_name varchar(255)!
    """,
    "activities": """
        id integer!, title varchar(255)!, description text!, date date!, image_path text,
        images text, type varchar(50)!, created_at timestamptz!
    """,
    "activity_images": """
        id integer!, activity_id integer!, image_url text!, created_at timestamptz!
    """,
    "admin_messages": """
        id integer!, user_id integer!, subject varchar(255)!, message text!, status varchar(20)!,
        admin_reply text, created_at timestamptz!
    """,
    "staff_messages": """
        id integer!, sender_staff_id integer!, content text!, created_at timestamptz!
    """,
    "notifications": """
        id integer!, user_id integer!, message text!, type varchar(50)!, is_read boolean!,
        created_at timestamptz!
    """,
    "push_subscriptions": """
        id integer!, user_id integer!, endpoint text!, keys jsonb!, created_at timestamptz!
    """,
    "system_settings": """
        id integer!, key varchar(255)!, value text!
    """,
    "audit_logs": """
        id integer!, table_name varchar(255)!, operation varchar(10)!, record_id integer!,
        user_id integer, payload jsonb!, created_at timestamptz!
    """,
    "sync_events": """
        id integer!, event_type varchar(50)!, cadet_id integer, payload jsonb!,
        created_at timestamptz!, processed boolean!
    """,
}

UNIQUE = {
    "users": {"username", "email"},
    "user_settings": {"user_id"},
    "cadets": {"student_id"},
    "grades": {"cadet_id"},
    "training_staff": {"email"},
    "attendance_records": {"cadet_id,training_day_id"},
    "staff_attendance_records": {"staff_id,training_day_id"},
    "system_settings": {"key"},
}

REFERENCES = {
    "user_settings": {"user_id": "users"},
    "grades": {"cadet_id": "cadets"},
    "attendance_records": {"cadet_id": "cadets", "training_day_id": "training_days"},
    "staff_attendance_records": {"staff_id": "training_staff", "training_day_id": "training_days"},
    "excuse_letters": {"cadet_id": "cadets", "training_day_id": "training_days"},
    "merit_demerit_logs": {"cadet_id": "cadets"},
    "activity_images": {"activity_id": "activities"},
    "admin_messages": {"user_id": "users"},
    "staff_messages": {"sender_staff_id": "training_staff"},
    "notifications": {"user_id": "users"},
    "push_subscriptions": {"user_id": "users"},
}

SHORT = {
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "character varying": "varchar",
}

COLUMNS = """
    SELECT column_name, data_type, character_maximum_length, is_nullable, column_default
      FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s
"""
# Columns of a unique key are joined in alphabetical order.
KEYS = """
    SELECT c.contype::text, c.confrelid::regclass::text, c.condeferrable, c.condeferred,
           (SELECT string_agg(a.attname, ',' ORDER BY a.attname) FROM pg_attribute a
             WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey))
      FROM pg_constraint c WHERE c.conrelid = %s::regclass
"""


def expected_columns(table):
    """Read one entry of EXPECTED."""
    written = (part.strip() for part in EXPECTED[table].split(","))
    return sorted(tuple(column.split(" ", 1)) for column in written)


@pytest.mark.parametrize("table", EXPECTED)
def test_columns_are_those_of_the_real_system(migrated, table):
    """Name, type, length and NOT NULL of each column agree, and SQL knows no defaults."""
    found = migrated.sql(COLUMNS, table)

    described = [
        (name, SHORT.get(kind, kind) + (f"({length})" if length else "") + "!" * (null == "NO"))
        for name, kind, length, null, _default in found
    ]
    assert sorted(described) == expected_columns(table)
    assert [default for *_, default in found if default] == []


@pytest.mark.parametrize("table", EXPECTED)
def test_keys_are_those_of_the_real_system(migrated, table):
    """Primary, unique and deferrable foreign keys agree."""
    found = migrated.sql(KEYS, table)

    assert [columns for kind, *_, columns in found if kind == "p"] == ["id"]
    assert {columns for kind, *_, columns in found if kind == "u"} == UNIQUE.get(table, set())
    foreign = [row for row in found if row[0] == "f"]
    assert {row[4]: row[1] for row in foreign} == REFERENCES.get(table, {})
    assert all(deferrable and deferred for _, _, deferrable, deferred, _ in foreign)


def test_migrations_insert_the_first_four_settings(migrated):
    """A fresh database already holds ids 1 to 4, with which the old settings clash."""
    found = migrated.sql("SELECT id, key FROM system_settings WHERE id < 5 ORDER BY id")

    keys = ["school_year", "semester", "current_battalion", "maintenance_mode"]
    assert found == list(enumerate(keys, start=1))


def test_models_and_migrations_agree(migrated):
    """Nobody changed a model without its migration."""
    assert "No changes detected" in migrated.manage("makemigrations", "--check")

"""Rows of the shape of the legacy database, made by the server itself, the same way each time.

They are what years of use leave: one huge table, a few large ones, many small ones; texts that
need escaping, NULLs, several spellings of a time of day. None of them is kept out of a load.
"""

import psycopg
from rehearsal.seed import schema

# Shares of the rows altogether; what is not listed is a handful.
SHARES = {
    "cadets": 0.015,
    "users": 0.015,
    "user_settings": 0.012,
    "grades": 0.015,
    "attendance_records": 0.5,
    "staff_attendance_records": 0.03,
    "excuse_letters": 0.015,
    "merit_demerit_logs": 0.06,
    "activity_images": 0.008,
    "admin_messages": 0.03,
    "staff_messages": 0.02,
    "notifications": 0.09,
    "push_subscriptions": 0.008,
    "audit_logs": 0.122,
    "sync_events": 0.06,
}
STAFF = 60
ACTIVITIES = 200
MOMENT = "timestamp '2023-06-01' + g % 63072000 * interval '1 second'"
WORDS = (
    "case g % 50 when 0 then E'a\\ttab, a new\\nline, a back\\\\slash' "
    "when 1 then 'said \"yes\"; it''s' "
    "when 2 then 'Jose\u0301 \U0001f396' else 'entry ' || md5(g::text) end"
)
HASH = "'$2a$10$' || left(md5(g::text) || md5((g + 1)::text), 53)"
FILE = "'https://files.example/rotc/' || md5(g::text) || '.jpg'"
PAYLOAD = (
    "jsonb_build_object('before', jsonb_build_object('rank', 'Cdt', 'points', g % 100), "
    "'after', jsonb_build_object('rank', 'Cpl', 'note', md5(g::text), 'list', jsonb_build_array"
    "(g, g * 3, null)), 'agent', 'Mozilla/5.0 (X11; Linux x86_64) ' || md5((g / 7)::text))"
)


def time_of_day(hour: int, salt: int) -> str:
    """Return an expression: mostly `07:41`, one in forty spelt in one of the other ways."""
    odd = (
        "(array['7:58 AM', E'8:05:33\\u202fAM', '0805H', '-', '', 'late', null, '16:05:09'])"
        f"[1 + (g / 40 + {salt}) % 8]"
    )
    plain = (
        f"lpad(({hour} + (g * 7 + {salt}) % 4)::text, 2, '0') || ':' || "
        f"lpad(((g * 13 + {salt}) % 60)::text, 2, '0')"
    )
    return f"case when (g + {salt}) % 40 = 0 then {odd} else {plain} end"


def counts(rows: int, attendance: int | None = None) -> dict[str, int]:
    """Return the rows of each table for about ``rows`` altogether.

    Args:
        rows: Rows over all tables.
        attendance: Rows of `attendance_records`, when they are not to be a share.
    """
    made = {name: max(20, round(rows * share)) for name, share in SHARES.items()}
    made |= {"training_staff": STAFF, "activities": ACTIVITIES, "system_settings": 12}
    if attendance is not None:
        made["attendance_records"] = attendance
    # no cadet is twice on one day
    made["training_days"] = max(40, -(-made["attendance_records"] // (made["cadets"] * 2 // 3)))
    made["training_days"] = max(
        made["training_days"], -(-made["staff_attendance_records"] // STAFF)
    )
    return made


def queries(number: dict[str, int]) -> dict[str, str]:
    """Return for each table the SELECT of its rows, parents first; `g` counts from 1."""
    cadets, users, days = number["cadets"], number["users"], number["training_days"]
    a_day = -(-number["attendance_records"] // days)
    staff_a_day = -(-number["staff_attendance_records"] // days)
    made = {
        "cadets": "id, first_name, last_name, middle_name, email, contact_number, address, "
        "course, year_level, company, platoon, gender, status, student_id, profile_pic, "
        "created_at, birthdate|"
        "g, 'Juan ' || g % 977, 'Dela Cruz ' || g % 1009, case when g % 3 > 0 then 'Reyes' end, "
        "'cadet' || g || '@rotc.example', '+63 917 ' || lpad((g % 10000)::text, 7, '0'), "
        "md5(g::text) || ' Street', 'BS Computer Science', (array['1st Year', '2', 'II', '4th yr'])"
        "[1 + g % 4], 'Alpha', (g % 4 + 1)::text, (array['Male', 'Female'])[1 + g % 2], 'Ongoing', "
        f"'2023-' || lpad(g::text, 8, '0'), {FILE}, {MOMENT}, date '2000-01-01' + g % 2000",
        "training_staff": "id, rank, first_name, last_name, email, role, birthdate, age, "
        "created_at|g, 'Sgt', 'Maria', 'Santos ' || g, 'staff' || g || '@rotc.example', "
        "'Instructor', "
        f"(date '1980-01-01' + g)::text, 40, {MOMENT}",
        "users": "id, username, password, role, cadet_id, staff_id, is_approved, email, "
        "profile_pic, last_latitude, last_longitude, last_location_at, created_at|"
        f"g, 'user' || g, {HASH}, 'cadet', g % {cadets} + 1, null, 1, 'user' || g || "
        f"'@rotc.example', {FILE}, 14.599512345678901 + g * 1e-7, 120.98422, {MOMENT}, {MOMENT}",
        "user_settings": "user_id, primary_color, dark_mode, custom_bg|"
        f"g, 'blue', g % 2 = 0, {FILE}",
        "grades": "id, cadet_id, attendance_present, merit_points, prelim_score, midterm_score|"
        f"g, g % {cadets} + 1, g % 15, g % 40, 60 + g % 41, 55 + g % 45",
        "training_days": "id, date, title, description|"
        f"g, (date '2015-01-01' + g)::text, 'Training day ' || g, {WORDS}",
        "attendance_records": "id, training_day_id, cadet_id, status, remarks, time_in, time_out|"
        f"g, (g - 1) / {a_day} + 1, ((g - 1) % {a_day} + (g - 1) / {a_day} * 17) % {cadets} + 1, "
        "(array['present', 'present', 'present', 'late', 'absent', 'excused'])[1 + g % 6], "
        f"case when g % 8 = 0 then {WORDS} end, {time_of_day(6, 0)}, {time_of_day(15, 3)}",
        "staff_attendance_records": "id, training_day_id, staff_id, status, time_in, time_out|"
        f"g, (g - 1) / {staff_a_day} + 1, (g - 1) % {staff_a_day} % {STAFF} + 1, 'present', "
        f"{time_of_day(6, 0)}, {time_of_day(15, 3)}",
        "excuse_letters": "id, cadet_id, date_absent, reason, file_url, created_at|"
        f"g, g % {cadets} + 1, date '2024-01-01' + g % 600, {WORDS}, {FILE}, {MOMENT}",
        "merit_demerit_logs": "id, cadet_id, type, points, reason, date_recorded, "
        f"issued_by_user_id, issued_by_name|g, g % {cadets} + 1, (array['merit', 'demerit'])"
        f"[1 + g % 2], g % 10 + 1, {WORDS}, {MOMENT}, g % {users} + 1, 'Sgt Santos'",
        "activities": "id, title, description, date, image_path, type|"
        f"g, 'Activity ' || g, {WORDS}, (date '2024-01-01' + g)::text, {FILE}, 'activity'",
        "activity_images": "id, activity_id, image_path, created_at|"
        f"g, g % {number['activities']} + 1, {FILE}, {MOMENT}",
        "admin_messages": "id, user_id, sender_role, subject, message, status, created_at|"
        f"g, g % {users} + 1, 'cadet', 'Subject ' || g, {WORDS} || repeat(' and more', 12), "
        f"'pending', {MOMENT}",
        "staff_messages": "id, sender_staff_id, content, created_at|"
        f"g, g % {STAFF} + 1, {WORDS} || repeat(' and more', 12), {MOMENT}",
        "notifications": "id, user_id, message, type, is_read, created_at|"
        f"g, g % {users} + 1, {WORDS}, 'activity', g % 3 = 0, {MOMENT}",
        "push_subscriptions": "id, user_id, endpoint, keys, created_at|"
        f"g, g % {users} + 1, 'https://push.example/' || md5(g::text) || g, '{{\"p256dh\": \"' || "
        f'md5(g::text) || \'", "auth": "\' || md5((g + 5)::text) || \'"}}\', {MOMENT}',
        "system_settings": "id, key, value|g, 'setting' || g, 'value ' || g",
        "audit_logs": "id, table_name, operation, record_id, user_id, payload, created_at|"
        f"g, 'cadets', 'UPDATE', g % {cadets} + 1, g % {users} + 1, {PAYLOAD}, {MOMENT}",
        "sync_events": "id, event_type, cadet_id, payload, created_at, processed|"
        f"g, 'cadet.updated', g % {cadets} + 1, {PAYLOAD}, {MOMENT}, true",
    }
    return {
        name: "insert into {} ({}) select {} from generate_series(1, {}) g".format(
            name, *text.split("|", 1), number[name]
        )
        for name, text in made.items()
    }


def fill(url: str, number: dict[str, int]) -> int:
    """Make the legacy tables in an empty database and fill them; return the rows altogether."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(schema())
        # the rows below hold every key; checking each would only take longer
        session.execute("set session_replication_role = replica")
        for name, statement in queries(number).items():
            session.execute(statement)
            if name != "user_settings":
                session.execute(f"select setval('{name}_id_seq', {number[name]})")
        session.execute("vacuum analyze")
    return sum(number.values())

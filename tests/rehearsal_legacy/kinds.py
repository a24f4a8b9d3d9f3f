"""Each kind of row the legacy database is known to hold, as the FROM and WHERE that find it."""

from tests.rehearsal_legacy.conftest import FILEHOST

BOOLEAN_COLUMNS = (
    ("users", "is_archived"),
    ("cadets", "is_archived"),
    ("cadets", "is_profile_completed"),
    ("training_staff", "is_archived"),
    ("notifications", "is_read"),
    ("user_settings", "dark_mode"),
)
NULL_TIMESTAMPS = (
    *((table, "created_at") for table in ("users", "cadets", "training_staff", "excuse_letters")),
    *((table, "created_at") for table in ("admin_messages", "staff_messages", "notifications")),
    *((table, "created_at") for table in ("push_subscriptions", "audit_logs", "sync_events")),
    ("activity_images", "created_at"),
    ("merit_demerit_logs", "date_recorded"),
)
# Column, and more characters than its destination holds.
TOO_LONG = (
    ("users", "username", 255),
    ("users", "email", 254),
    ("user_settings", "primary_color", 50),
    ("cadets", "first_name", 255),
    ("cadets", "suffix_name", 50),
    ("cadets", "contact_number", 50),
    ("cadets", "course", 255),
    ("cadets", "company", 50),
    ("cadets", "gender", 20),
    ("cadets", "status", 50),
    ("cadets", "student_id", 50),
    ("training_staff", "role", 100),
    ("training_staff", "blood_type", 10),
    ("training_staff", "combat_boots_size", 20),
    ("training_days", "title", 255),
    ("merit_demerit_logs", "issued_by_name", 255),
    ("activities", "title", 255),
    ("admin_messages", "subject", 255),
    ("admin_messages", "status", 20),
    ("notifications", "type", 50),
    ("system_settings", "key", 255),
    ("audit_logs", "operation", 10),
    ("sync_events", "event_type", 50),
)
KINDS = {
    "e-mail missing": "users WHERE email IS NULL",
    "e-mail empty": "users WHERE email = ''",
    "e-mail of blanks": "users WHERE email ~ '^ +$'",
    "e-mail twice but for case": (
        "users a JOIN users b ON lower(a.email) = lower(b.email) AND a.email <> b.email"
    ),
    "e-mail twice but for a trailing blank": (
        "users a JOIN users b ON a.email = b.email || ' ' WHERE b.email <> ''"
    ),
    "staff e-mail missing": "training_staff WHERE email IS NULL",
    "staff e-mail empty": "training_staff WHERE email = ''",
    "staff e-mail twice but for case": (
        "training_staff a JOIN training_staff b"
        " ON lower(trim(a.email)) = lower(trim(b.email)) AND a.id < b.id"
    ),
    "cadet e-mail no address": "cadets WHERE email = 'not an address'",
    **{
        f"year level {level!r}": f"cadets WHERE year_level = '{level}'"
        for level in (
            *("1st Year", "2", "II", "4th yr", "First Year", "2.0", "", "Irregular", "MS-2"),
        )
    },
    "year level missing": "cadets WHERE year_level IS NULL",
    "ISO training date": r"training_days WHERE date ~ '^\d{4}-\d\d-\d\d$'",
    "US training date": r"training_days WHERE date ~ '^0?\d/(1[3-9]|2\d|3[01])/\d{4}$'",
    "day-first training date": r"training_days WHERE date ~ '^(1[3-9]|2\d|3[01])/\d\d/\d{4}$'",
    "ambiguous training date": "training_days WHERE date = '05/04/2025'",
    "long training date": "training_days WHERE date = 'August 16, 2025'",
    "short-month training date": "training_days WHERE date = '16 Aug 2025'",
    "ISO training date with time": "training_days WHERE date ~ 'T.*Z$'",
    "staff birthdate a year only": "training_staff WHERE birthdate = '1985'",
    "staff birthdate in words": "training_staff WHERE birthdate = 'March 12, 1985'",
    "staff birthdate empty": "training_staff WHERE birthdate = ''",
    "staff birthdate missing": "training_staff WHERE birthdate IS NULL",
    "cadet birthdate missing": "cadets WHERE birthdate IS NULL",
    "cadet born on a leap day": "cadets WHERE birthdate = '2004-02-29'",
    "activity to be announced, with images": (
        "activities a JOIN activity_images i ON i.activity_id = a.id WHERE a.date = 'TBA'"
    ),
    "activity without a date, with images": (
        "activities a JOIN activity_images i ON i.activity_id = a.id WHERE a.date IS NULL"
    ),
    "activity without a type": "activities WHERE type IS NULL",
    "activity of an unlisted type": "activities WHERE type = 'announcement'",
    "activity without a description": "activities WHERE description IS NULL",
    "image list as JSON text": "activities WHERE images LIKE '[%]'",
    "image of no activity": "activity_images WHERE activity_id IS NULL",
    **{
        f"time {shown}": f"{table} WHERE time_in = '{time}'"
        for table in ("attendance_records", "staff_attendance_records")
        for shown, time in (
            (f"{table} 24 hours", "08:05"),
            (f"{table} AM", "7:58 AM"),
            (f"{table} U+202F AM", "8:05:33\u202fAM"),
            (f"{table} military", "0805H"),
            (f"{table} dash", "-"),
            (f"{table} empty", ""),
            (f"{table} word", "late"),
        )
    },
    "time missing": "attendance_records WHERE time_in IS NULL",
    "approved 1": "users WHERE is_approved = 1",
    "approved 0": "users WHERE is_approved = 0",
    "approved missing": "users WHERE is_approved IS NULL",
    **{
        f"{table}.{column} {value}": f"{table} WHERE {column} IS {value}"
        for table, column in BOOLEAN_COLUMNS
        for value in ("TRUE", "FALSE", "NULL")
        if (table, column, value) != ("users", "is_archived", "FALSE")
    },
    **{f"{t}.{c} missing": f"{t} WHERE {c} IS NULL" for t, c in NULL_TIMESTAMPS},
    "timestamp with microseconds": (
        "notifications WHERE extract(microseconds FROM created_at)::bigint % 1000000 <> 0"
    ),
    "last moment of a year": "cadets WHERE created_at = '2023-12-31 23:59:59.999999'",
    "broadcast notification": "notifications WHERE user_id IS NULL",
    "guest message": "admin_messages WHERE user_id IS NULL",
    "subscription of nobody": "push_subscriptions WHERE user_id IS NULL",
    "subscription of a deleted account": (
        "push_subscriptions p LEFT JOIN users u ON u.id = p.user_id"
        " WHERE p.user_id IS NOT NULL AND u.id IS NULL"
    ),
    "excuse of nobody": "excuse_letters WHERE cadet_id IS NULL",
    "excuse of a deleted cadet": (
        "excuse_letters e LEFT JOIN cadets c ON c.id = e.cadet_id"
        " WHERE e.cadet_id IS NOT NULL AND c.id IS NULL"
    ),
    "excuse for no day": "excuse_letters WHERE date_absent IS NULL",
    "excuse without a reason": "excuse_letters WHERE reason IS NULL",
    "merit of nobody": "merit_demerit_logs WHERE cadet_id IS NULL",
    "merit by nobody": "merit_demerit_logs WHERE issued_by_user_id IS NULL",
    "merit without a reason": "merit_demerit_logs WHERE reason IS NULL",
    "audit of no record": "audit_logs WHERE record_id IS NULL",
    "setting without a value": "system_settings WHERE value IS NULL",
    "setting a Django migration inserts too": "system_settings WHERE key = 'school_year'",
    "grades missing": "grades WHERE prelim_score IS NULL",
    **{
        f"{table} payload {shown}": f"{table} WHERE {condition}"
        for table in ("audit_logs", "sync_events")
        for shown, condition in (
            ("SQL NULL", "payload IS NULL"),
            ("JSON null", "jsonb_typeof(payload) = 'null'"),
            ("2**53 + 1", "payload ->> 'serial' = '9007199254740993'"),
            ("thirty digits", "payload ->> 'serial' = '123456789012345678901234567890'"),
            ("long decimal", "payload ->> 'score' = '3.141592653589793238462643383279'"),
            ("trailing zero", "payload ->> 'kept' = '1.10'"),
            ("bare string", "jsonb_typeof(payload) = 'string'"),
            ("array", "jsonb_typeof(payload) = 'array'"),
        )
    },
    "push keys as JSON text": "push_subscriptions WHERE keys LIKE '{\"p256dh\"%'",
    "push keys no JSON": "push_subscriptions WHERE keys = '[object Object]'",
    "JSON text in a text column": "system_settings WHERE value LIKE '{%}'",
    **{f"{t}.{c} too long": f"{t} WHERE length({c}) > {most}" for t, c, most in TOO_LONG},
    "emoji": "admin_messages WHERE message LIKE '%\U0001f44d\U0001f3fd%'",
    "combining mark": "admin_messages WHERE message LIKE '%e\u0301%'",
    "right-to-left text": "admin_messages WHERE message ~ '[\u0621-\u064a]'",
    "tab, newline, return, backslash": (
        "admin_messages WHERE strpos(message, E'\\t') > 0 AND strpos(message, E'\\n') > 0"
        " AND strpos(message, E'\\r') > 0 AND strpos(message, E'\\\\') > 0"
    ),
    "both quotes": "admin_messages WHERE message LIKE '%''%' AND message LIKE '%\"%'",
    "COPY's own mark of NULL as a text": "admin_messages WHERE message = E'\\\\N'",
    "control characters": "admin_messages WHERE strpos(message, E'\\x07') > 0",
    "very long text": "admin_messages WHERE length(message) > 5000",
    "soft-deleted account": "users WHERE is_archived",
    **{
        f"{prefix} hash": rf"users WHERE password ~ '^\{prefix[:3]}\$\d\d\$[./A-Za-z0-9]{{53}}$'"
        for prefix in ("$2a$", "$2b$", "$2y$")
    },
    "cadet's account": "users u JOIN cadets c ON c.id = u.cadet_id",
    "staff's account": "users u JOIN training_staff s ON s.id = u.staff_id",
    "cadet's account without a cadet": "users WHERE role = 'cadet' AND cadet_id IS NULL",
    **{
        f"{shown} file of {column}": f"{table} WHERE {column} LIKE '{pattern}'"
        for table, column in (
            ("users", "profile_pic"),
            ("excuse_letters", "file_url"),
            ("activity_images", "image_path"),
        )
        for shown, pattern in (
            ("living", f"{FILEHOST}/files/alive/%.jpg"),
            ("dead", f"{FILEHOST}/files/dead/%.jpg"),
            ("relative", "/uploads/%.png"),
        )
    },
    "staff audit": "staff_audit",
    "QR code of the staff": "training_staff WHERE qr_code_data IS NOT NULL",
}

-- The legacy database of the ROTC Grading System, as its Node server created it.
-- Timestamps are naive and mean UTC. Dates and times of day are mostly text.

CREATE TABLE cadets (
    id SERIAL PRIMARY KEY,
    rank TEXT,
    first_name TEXT NOT NULL,
    middle_name TEXT,
    last_name TEXT NOT NULL,
    suffix_name TEXT,
    email TEXT,
    contact_number TEXT,
    address TEXT,
    course TEXT,
    year_level TEXT,
    school_year TEXT,
    battalion TEXT,
    company TEXT,
    platoon TEXT,
    cadet_course TEXT,
    semester TEXT,
    corp_position TEXT,
    gender TEXT,
    status TEXT DEFAULT 'Ongoing',
    student_id TEXT UNIQUE NOT NULL,
    profile_pic TEXT,
    is_profile_completed BOOLEAN DEFAULT FALSE,
    is_archived BOOLEAN DEFAULT FALSE,
    has_seen_guide BOOLEAN DEFAULT FALSE,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    birthdate DATE
);

CREATE TABLE training_staff (
    id SERIAL PRIMARY KEY,
    rank TEXT,
    first_name TEXT NOT NULL,
    middle_name TEXT,
    last_name TEXT NOT NULL,
    suffix_name TEXT,
    email TEXT UNIQUE,
    contact_number TEXT,
    role TEXT DEFAULT 'Instructor',
    profile_pic TEXT,
    afpsn TEXT,
    birthdate TEXT,
    birthplace TEXT,
    age INTEGER,
    height TEXT,
    weight TEXT,
    blood_type TEXT,
    address TEXT,
    civil_status TEXT,
    nationality TEXT,
    gender TEXT,
    language_spoken TEXT,
    combat_boots_size TEXT,
    uniform_size TEXT,
    bullcap_size TEXT,
    facebook_link TEXT,
    rotc_unit TEXT,
    mobilization_center TEXT,
    is_profile_completed BOOLEAN DEFAULT FALSE,
    has_seen_guide BOOLEAN DEFAULT FALSE,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    is_archived BOOLEAN DEFAULT FALSE
);

CREATE TABLE users (
    id SERIAL PRIMARY KEY,
    username TEXT UNIQUE NOT NULL,
    password TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'cadet', 'training_staff')),
    cadet_id INTEGER REFERENCES cadets (id) ON DELETE CASCADE,
    staff_id INTEGER REFERENCES training_staff (id) ON DELETE CASCADE,
    is_approved INTEGER DEFAULT 0,
    email TEXT,
    profile_pic TEXT,
    gender TEXT,
    is_archived BOOLEAN DEFAULT FALSE,
    last_latitude DOUBLE PRECISION,
    last_longitude DOUBLE PRECISION,
    last_location_at TIMESTAMP,
    last_seen TIMESTAMP,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE user_settings (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    email_alerts BOOLEAN DEFAULT TRUE,
    push_notifications BOOLEAN DEFAULT TRUE,
    activity_updates BOOLEAN DEFAULT TRUE,
    dark_mode BOOLEAN DEFAULT FALSE,
    compact_mode BOOLEAN DEFAULT FALSE,
    primary_color TEXT DEFAULT 'blue',
    custom_bg TEXT
);

CREATE TABLE grades (
    id SERIAL PRIMARY KEY,
    cadet_id INTEGER NOT NULL UNIQUE REFERENCES cadets (id) ON DELETE CASCADE,
    attendance_present INTEGER DEFAULT 0,
    merit_points INTEGER DEFAULT 0,
    demerit_points INTEGER DEFAULT 0,
    prelim_score INTEGER DEFAULT 0,
    midterm_score INTEGER DEFAULT 0,
    final_score INTEGER DEFAULT 0,
    status TEXT DEFAULT 'active',
    lifetime_merit_points INTEGER DEFAULT 0
);

CREATE TABLE training_days (
    id SERIAL PRIMARY KEY,
    date TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT
);

CREATE TABLE attendance_records (
    id SERIAL PRIMARY KEY,
    training_day_id INTEGER NOT NULL REFERENCES training_days (id) ON DELETE CASCADE,
    cadet_id INTEGER NOT NULL REFERENCES cadets (id) ON DELETE CASCADE,
    status TEXT NOT NULL CHECK (status IN ('present', 'absent', 'late', 'excused')),
    remarks TEXT,
    time_in TEXT,
    time_out TEXT,
    UNIQUE (training_day_id, cadet_id)
);

CREATE TABLE staff_attendance_records (
    id SERIAL PRIMARY KEY,
    training_day_id INTEGER NOT NULL REFERENCES training_days (id) ON DELETE CASCADE,
    staff_id INTEGER NOT NULL REFERENCES training_staff (id) ON DELETE CASCADE,
    status TEXT NOT NULL CHECK (status IN ('present', 'absent', 'late', 'excused')),
    remarks TEXT,
    time_in TEXT,
    time_out TEXT,
    UNIQUE (training_day_id, staff_id)
);

-- Created by its route on first use, without foreign keys.
CREATE TABLE excuse_letters (
    id SERIAL PRIMARY KEY,
    cadet_id INTEGER,
    date_absent DATE,
    reason TEXT,
    file_url TEXT,
    status VARCHAR(20) DEFAULT 'pending',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE merit_demerit_logs (
    id SERIAL PRIMARY KEY,
    cadet_id INTEGER REFERENCES cadets (id) ON DELETE CASCADE,
    type TEXT NOT NULL CHECK (type IN ('merit', 'demerit')),
    points INTEGER NOT NULL,
    reason TEXT,
    date_recorded TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    issued_by_user_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    issued_by_name TEXT
);

CREATE TABLE activities (
    id SERIAL PRIMARY KEY,
    title TEXT NOT NULL,
    description TEXT,
    date TEXT,
    image_path TEXT,
    images TEXT,
    type TEXT DEFAULT 'activity'
);

CREATE TABLE activity_images (
    id SERIAL PRIMARY KEY,
    activity_id INTEGER REFERENCES activities (id) ON DELETE CASCADE,
    image_path TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE admin_messages (
    id SERIAL PRIMARY KEY,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    sender_role TEXT,
    subject TEXT,
    message TEXT,
    status TEXT DEFAULT 'pending',
    admin_reply TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE staff_messages (
    id SERIAL PRIMARY KEY,
    sender_staff_id INTEGER NOT NULL REFERENCES training_staff (id) ON DELETE CASCADE,
    content TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE notifications (
    id SERIAL PRIMARY KEY,
    user_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    message TEXT NOT NULL,
    type TEXT NOT NULL,
    is_read BOOLEAN DEFAULT FALSE,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

-- Created by its route on first use, without foreign keys.
CREATE TABLE push_subscriptions (
    id SERIAL PRIMARY KEY,
    user_id INTEGER,
    endpoint TEXT UNIQUE NOT NULL,
    keys TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE system_settings (
    id SERIAL PRIMARY KEY,
    key TEXT UNIQUE NOT NULL,
    value TEXT
);

CREATE TABLE audit_logs (
    id SERIAL PRIMARY KEY,
    table_name TEXT NOT NULL,
    operation TEXT NOT NULL,
    record_id INTEGER,
    user_id INTEGER,
    payload JSONB,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE sync_events (
    id SERIAL PRIMARY KEY,
    event_type TEXT NOT NULL,
    cadet_id INTEGER REFERENCES cadets (id) ON DELETE CASCADE,
    payload JSONB,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    processed BOOLEAN DEFAULT FALSE,
    processed_at TIMESTAMP
);

-- lazily created: what follows appears only once a rarely used route has run.

CREATE TABLE staff_audit (
    id SERIAL PRIMARY KEY,
    staff_id INTEGER,
    action TEXT,
    details TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

ALTER TABLE training_staff ADD COLUMN qr_code_data TEXT;

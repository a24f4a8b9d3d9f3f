"use strict";

const { Router } = require("express");

// Table to key column. Names go into the statement, so they come from here alone.
const TABLES = {
  users: "id",
  user_settings: "user_id",
  cadets: "id",
  grades: "id",
  training_staff: "id",
  training_days: "id",
  attendance_records: "id",
  staff_attendance_records: "id",
  excuse_letters: "id",
  merit_demerit_logs: "id",
  activities: "id",
  activity_images: "id",
  admin_messages: "id",
  staff_messages: "id",
  notifications: "id",
  push_subscriptions: "id",
  system_settings: "id",
  audit_logs: "id",
  sync_events: "id",
};
const MAX_LIMIT = 500;

function whole(text, fallback, most) {
  const value = Number.parseInt(text, 10);
  return value > 0 ? Math.min(value, most) : fallback;
}

function withoutPassword({ password, ...row }) {
  return row;
}

function tableRoutes(pool, auth) {
  const router = Router();
  for (const [table, key] of Object.entries(TABLES)) {
    router.get(`/${table}`, auth.requireUser, async (request, response) => {
      const page = whole(request.query.page, 1, Number.MAX_SAFE_INTEGER);
      const limit = whole(request.query.limit, 50, MAX_LIMIT);
      const counted = await pool.query(`SELECT count(*)::int AS total FROM ${table}`);
      const found = await pool.query(`SELECT * FROM ${table} ORDER BY ${key} LIMIT $1 OFFSET $2`, [
        limit,
        (page - 1) * limit,
      ]);
      const data = table === "users" ? found.rows.map(withoutPassword) : found.rows;
      response.json({ page, limit, total: counted.rows[0].total, data });
    });
  }
  return router;
}

module.exports = { tableRoutes };

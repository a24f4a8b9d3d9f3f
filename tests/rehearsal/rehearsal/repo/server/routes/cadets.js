"use strict";

const { Router } = require("express");
const { transaction } = require("../database");

const EDITABLE = [
  "rank",
  "first_name",
  "middle_name",
  "last_name",
  "email",
  "contact_number",
  "address",
  "course",
  "year_level",
  "company",
  "platoon",
  "status",
  "is_archived",
];

function cadetRoutes(pool, auth, live) {
  const router = Router();

  router.patch(
    "/cadets/:id",
    auth.requireUser,
    auth.requireRole("admin", "training_staff"),
    async (request, response) => {
      const body = request.body || {};
      const names = EDITABLE.filter((name) => Object.hasOwn(body, name));
      const id = Number(request.params.id);
      if (!Number.isSafeInteger(id) || names.length === 0) {
        response.status(400).json({ error: `name a cadet and one of: ${EDITABLE.join(", ")}` });
        return;
      }
      const changed = await transaction(pool, async (client) => {
        const assignments = names.map((name, index) => `${name} = $${index + 2}`).join(", ");
        const updated = await client.query(
          `UPDATE cadets SET ${assignments} WHERE id = $1 RETURNING *`,
          [id, ...names.map((name) => body[name])],
        );
        const notices = await client.query(
          `INSERT INTO notifications (user_id, message, type)
           SELECT id, 'Your profile was changed', 'profile' FROM users WHERE cadet_id = $1
           RETURNING *`,
          [id],
        );
        return { cadet: updated.rows[0], notifications: notices.rows };
      });
      if (!changed.cadet) {
        response.status(404).json({ error: "there is no such cadet" });
        return;
      }
      for (const notice of changed.notifications) {
        live.toUser(notice.user_id, notice);
      }
      response.json(changed.cadet);
    },
  );

  return router;
}

module.exports = { cadetRoutes };

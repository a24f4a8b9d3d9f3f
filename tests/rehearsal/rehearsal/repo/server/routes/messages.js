"use strict";

const { Router } = require("express");
const { transaction } = require("../database");

function messageRoutes(pool, live) {
  const router = Router();

  // Guests may write to the admins too; their messages carry no account.
  router.post("/messages", async (request, response) => {
    const { subject, message } = request.body || {};
    if (typeof message !== "string" || !message.trim()) {
      response.status(400).json({ error: "a message is required" });
      return;
    }
    const sender = request.user;
    const stored = await transaction(pool, async (client) => {
      const written = await client.query(
        `INSERT INTO admin_messages (user_id, sender_role, subject, message)
         VALUES ($1, $2, $3, $4) RETURNING *`,
        [sender ? sender.id : null, sender ? sender.role : "guest", subject ?? null, message],
      );
      // No account on the notification: it is meant for every admin.
      const notice = await client.query(
        `INSERT INTO notifications (user_id, message, type)
         VALUES (NULL, $1, 'message') RETURNING *`,
        [`New message: ${subject || "without a subject"}`],
      );
      return { message: written.rows[0], notification: notice.rows[0] };
    });
    live.toRole("admin", stored.notification);
    response.status(201).json(stored.message);
  });

  return router;
}

module.exports = { messageRoutes };

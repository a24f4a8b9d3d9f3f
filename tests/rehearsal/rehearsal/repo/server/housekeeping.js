"use strict";

const { transaction, refusesWrites, isUnreachable } = require("./database");

const BATCH = 5;
const KEPT = 20;

async function recomputeMerits(pool) {
  await pool.query(
    `UPDATE grades SET lifetime_merit_points = merits.points
       FROM (SELECT cadet_id, sum(points)::int AS points FROM merit_demerit_logs
              WHERE type = 'merit' GROUP BY cadet_id) AS merits
      WHERE merits.cadet_id = grades.cadet_id
        AND grades.lifetime_merit_points IS DISTINCT FROM merits.points`,
  );
}

async function workOffEvents(pool) {
  await transaction(pool, async (client) => {
    const worked = await client.query(
      `UPDATE sync_events SET processed = TRUE, processed_at = CURRENT_TIMESTAMP
        WHERE id IN (SELECT id FROM sync_events WHERE processed IS NOT TRUE
                      ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [BATCH],
    );
    await client.query(
      `INSERT INTO sync_events (event_type, payload, processed, processed_at)
       VALUES ('housekeeping', $1, TRUE, CURRENT_TIMESTAMP)`,
      [JSON.stringify({ processed: worked.rowCount })],
    );
    await client.query(
      `DELETE FROM sync_events WHERE event_type = 'housekeeping' AND id NOT IN
         (SELECT id FROM sync_events WHERE event_type = 'housekeeping' ORDER BY id DESC LIMIT $1)`,
      [KEPT],
    );
  });
}

// A database that takes no writes, or is away for a while, is no reason to end.
async function attempt(name, work) {
  try {
    await work();
  } catch (error) {
    const expected = refusesWrites(error) || isUnreachable(error);
    (expected ? console.warn : console.error)(`housekeeping: ${name} put off: ${error.message}`);
  }
}

function startHousekeeping(pool, seconds) {
  let running = attempt("merits", () => recomputeMerits(pool));
  const timer =
    seconds > 0
      ? setInterval(() => {
          running = running.then(() => attempt("sync events", () => workOffEvents(pool)));
        }, seconds * 1000)
      : null;
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

module.exports = { startHousekeeping };

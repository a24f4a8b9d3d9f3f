"use strict";

const { Pool, types } = require("pg");

// The columns are naive and mean UTC; the driver would read them in the zone of this host.
types.setTypeParser(types.builtins.TIMESTAMP, (text) => `${text.replace(" ", "T")}Z`);
types.setTypeParser(types.builtins.DATE, (text) => text);

function connect(databaseUrl) {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: 10,
    connectionTimeoutMillis: 5000,
    options: "-c timezone=UTC",
  });
  // PostgreSQL may end any session, idle or lent out. Without a listener each would end Node.
  pool.on("error", (error) => console.warn(`database session ended: ${error.message}`));
  pool.on("connect", (client) => {
    client.on("error", (error) => console.warn(`database session ended: ${error.message}`));
  });
  return pool;
}

async function transaction(pool, work) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    client.release();
    return result;
  } catch (error) {
    client.release(error); // a session in an unknown state is not lent out again
    throw error;
  }
}

// Source: PostgreSQL, appendix A. 25006 read_only_sql_transaction, 57P.. operator intervention.
function refusesWrites(error) {
  return error.code === "25006" || /^57P/.test(error.code || "");
}

// 08... connection exceptions, 53300 too many connections, and what the socket itself reports.
function isUnreachable(error) {
  return (
    /^(08...|53300|ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EPIPE)$/.test(error.code || "") ||
    /connection terminated|is not queryable|timeout exceeded when trying to connect/i.test(
      error.message || "",
    )
  );
}

module.exports = { connect, transaction, refusesWrites, isUnreachable };

"use strict";

const http = require("node:http");
const { createApp } = require("./app");
const { createAuth } = require("./auth");
const config = require("./config");
const { connect } = require("./database");
const { startHousekeeping } = require("./housekeeping");
const { createLive } = require("./live");

const SHUTDOWN_MS = 5000;

function start(settings) {
  const pool = connect(settings.databaseUrl);
  const auth = createAuth(pool, settings.jwtSecret);
  const server = http.createServer();
  const live = createLive(server, auth);
  server.on("request", createApp(pool, auth, live, settings.frontendUrl));
  server.on("error", (error) => {
    console.error(`cannot listen on port ${settings.port}: ${error.message}`);
    process.exit(1);
  });

  server.listen(settings.port, "0.0.0.0", () => {
    console.log(`ROTC server listening on 0.0.0.0:${server.address().port}`);
  });
  const housekeeping = startHousekeeping(pool, settings.housekeepingSeconds);

  let stopping = false;
  async function stop(signal) {
    if (stopping) {
      return;
    }
    stopping = true;
    console.log(`${signal}: stopping`);
    setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
    live.close();
    const closed = new Promise((resolve) => server.close(resolve));
    await Promise.all([closed, housekeeping.stop()]);
    await pool.end();
  }
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

try {
  start(config.read());
} catch (error) {
  console.error(`ROTC server did not start: ${error.message}`);
  process.exitCode = 1;
}

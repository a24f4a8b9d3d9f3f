"use strict";

const express = require("express");
const { refusesWrites, isUnreachable } = require("./database");
const { cadetRoutes } = require("./routes/cadets");
const { messageRoutes } = require("./routes/messages");
const { tableRoutes } = require("./routes/tables");

function allowOrigin(origin) {
  return (request, response, next) => {
    response.set("Access-Control-Allow-Origin", origin);
    response.set("Access-Control-Allow-Headers", "Authorization, Content-Type");
    response.set("Access-Control-Allow-Methods", "GET, POST, PATCH");
    response.set("Vary", "Origin");
    if (request.method === "OPTIONS") {
      response.status(204).end();
      return;
    }
    next();
  };
}

// Express knows an error handler by its four parameters.
function answerError(error, request, response, next) {
  if (response.headersSent) {
    next(error);
  } else if (refusesWrites(error)) {
    response.status(503).json({ error: "read-only" });
  } else if (isUnreachable(error)) {
    response.status(503).json({ error: "database unreachable" });
  } else if (error.status >= 400 && error.status < 500) {
    response.status(error.status).json({ error: error.message });
  } else {
    console.error(error);
    response.status(500).json({ error: "internal error" });
  }
}

function createApp(pool, auth, live, frontendUrl) {
  const app = express();
  app.disable("x-powered-by");
  if (frontendUrl) {
    app.use(allowOrigin(frontendUrl));
  }
  app.use(express.json({ limit: "1mb" }));

  app.get("/health", async (request, response) => {
    try {
      await pool.query("SELECT 1");
      response.json({ status: "ok" });
    } catch (error) {
      console.warn(`health: ${error.message}`);
      response.status(503).json({ status: "error", database: "unreachable" });
    }
  });
  app.post("/api/auth/login", auth.login);
  app.use(
    "/api",
    auth.identify,
    messageRoutes(pool, live),
    cadetRoutes(pool, auth, live),
    tableRoutes(pool, auth),
  );
  app.use((request, response) => {
    response.status(404).json({ error: "there is nothing here" });
  });
  app.use(answerError);
  return app;
}

module.exports = { createApp };

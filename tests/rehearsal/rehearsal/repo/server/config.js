"use strict";

function required(name, purpose) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set. ${purpose} Set it in the environment of the service.`);
  }
  return value;
}

function number(name, fallback) {
  const text = process.env[name];
  const value = text ? Number(text) : fallback;
  if (!Number.isFinite(value) || value < 0) {
    throw new Error(`${name} is "${text}", which is no number of zero or more.`);
  }
  return value;
}

function read() {
  return {
    databaseUrl: required("DATABASE_URL", "The server keeps everything in PostgreSQL."),
    jwtSecret: required("JWT_SECRET", "The server signs logins with it."),
    port: number("PORT", 5000),
    housekeepingSeconds: number("LEGACY_HOUSEKEEPING_SECONDS", 30),
    frontendUrl: process.env.FRONTEND_URL || "",
  };
}

module.exports = { read };

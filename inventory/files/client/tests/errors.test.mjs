// What the client does when the server refuses, fails or is not there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { api, given, storage } from "./surroundings.mjs";

const SESSION = { accessToken: "stale", refreshToken: "good for a week" };
const REFUSED = {
  status: 401,
  body: {
    error: "Unauthorized",
    message: "The access token does not hold.",
    code: "token_not_valid",
    details: {},
  },
};

test("a 401 response redirects to login, and keeps no token that would start a circle", async () => {
  const world = given({ storage: SESSION, answers: [REFUSED, REFUSED] });

  await assert.rejects(api.request("/auth/me"), { status: 401, code: "token_not_valid" });

  assert.deepEqual(world.redirects, ["/login"]);
  assert.deepEqual(storage(), {});
});

test("a 401 response that a new token mends redirects nobody", async () => {
  const renewed = { status: 200, body: { access: "new" } };
  const world = given({ storage: SESSION, answers: [REFUSED, renewed, { status: 200, body: { id: 7 } }] });

  assert.deepEqual(await api.request("/auth/me"), { id: 7 });

  assert.deepEqual(world.redirects, []);
  assert.equal(world.requests[2].headers.authorization, "Bearer new");
});

test("a network error shows a message for people", async () => {
  given({ answers: [{ drop: true }] });

  await assert.rejects(api.request("/cadets/"), {
    name: "ApiError",
    code: "network_error",
    message: "The server cannot be reached. Check your connection and try again.",
  });
});

test("the API is asked under the prefix /api/v1/", async () => {
  const tables = ["cadets", "training_days", "merit_demerit_logs"];
  const page = { status: 200, body: { page: 1, limit: 50, total: 0, data: [] } };
  const world = given({ answers: tables.map(() => page) });

  for (const table of tables) {
    await api.list(table);
  }

  const paths = world.requests.map(({ url }) => url.split("?")[0]);
  assert.deepEqual(paths, ["/api/v1/cadets/", "/api/v1/training-days/", "/api/v1/merit-demerit-logs/"]);
  assert.equal(api.API_PREFIX, "/api/v1");
});

test("an error of the API arrives with error, message, code and details", async () => {
  const body = { error: "Bad Request", message: "Not valid.", code: "invalid", details: { email: ["?"] } };
  given({ answers: [{ status: 400, body }] });

  await assert.rejects(api.request("/users/", { method: "POST", body: {} }), { status: 400, ...body });
});

// Properties 9 to 11 of the client: they hold for whatever fast-check draws, not for a few examples.

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { api, given } from "./surroundings.mjs";

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."];
const TOKEN = fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 1, maxLength: 400 });
const METHOD = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE");
const DAY_MS = 86_400_000;
const MOMENT = fc.date({
  min: new Date("0001-01-03T00:00:00Z"),
  max: new Date("9999-12-29T00:00:00Z"),
  noInvalidDate: true,
});
const OFFSET = fc.integer({ min: -1439, max: 1439 });
const DIGITS = fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: 6 });
const ROW = fc.record({ id: fc.integer({ min: 1 }), name: fc.string() }, { noNullPrototype: true });
const ROWS = fc.array(ROW, { maxLength: 20 });

const twoDigits = (number) => String(number).padStart(2, "0");

// A moment as a server of some zone writes it: "+08:00", or "Z" where both are the same.
function written(moment, offset, more, isShort) {
  const local = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, -1);
  const size = Math.abs(offset);
  const zone = (offset < 0 ? "-" : "+") + twoDigits(Math.floor(size / 60)) + ":" + twoDigits(size % 60);
  return local + more + (offset === 0 && isShort ? "Z" : zone);
}

test("Property 9: JWT token inclusion", async () => {
  const carried = fc.asyncProperty(TOKEN, METHOD, async (token, method) => {
    const world = given({ storage: { accessToken: token }, answers: [{ status: 200, body: {} }] });
    await api.request("/cadets/", { method });
    assert.equal(world.requests.length, 1);
    assert.equal(world.requests[0].method, method);
    assert.equal(world.requests[0].headers.authorization, "Bearer " + token);
  });
  await fc.assert(carried);
});

test("Property 9: nobody's request names nobody", async () => {
  const silent = fc.asyncProperty(METHOD, async (method) => {
    const world = given({ answers: [{ status: 200, body: {} }] });
    await api.request("/cadets/", { method });
    assert.equal("authorization" in world.requests[0].headers, false);
  });
  await fc.assert(silent);
});

test("Property 10: datetime parsing", () => {
  const read = fc.property(MOMENT, OFFSET, DIGITS, fc.boolean(), (moment, offset, more, isShort) => {
    const text = written(moment, offset, more, isShort);
    assert.equal(api.parseDateTime(text).getTime(), moment.getTime(), text);
  });
  fc.assert(read, { numRuns: 1000 });
});

test("Property 10: a moment without a zone, or of a day that is none, is refused", () => {
  const refused = fc.property(MOMENT, fc.integer({ min: 0, max: 2 }), (moment, kind) => {
    const text = moment.toISOString();
    const wrong = [
      text.slice(0, -1),
      text.slice(0, 10),
      text.slice(0, 5) + "02-3" + (Math.floor(moment.getTime() / DAY_MS) % 2 ? "0" : "1") + text.slice(10),
    ];
    assert.throws(() => api.parseDateTime(wrong[kind]), RangeError);
  });
  fc.assert(refused);
});

test("Property 11: paginated response handling", async () => {
  const paged = fc.asyncProperty(ROWS, fc.integer({ min: 1, max: 7 }), async (rows, limit) => {
    const starts = rows.length ? rows.flatMap((_, at) => (at % limit ? [] : [at])) : [0];
    const bodies = starts.map((start, number) => ({
      page: number + 1,
      limit,
      total: rows.length,
      data: rows.slice(start, start + limit),
    }));
    const world = given({ answers: bodies.map((body) => ({ status: 200, body })) });

    const found = [];
    for (let page = 1; page === 1 || found.length < rows.length; page++) {
      const answer = await api.list("cadets", { page, limit });
      assert.equal(answer.total, rows.length);
      found.push(...answer.data);
    }

    assert.deepEqual(found, rows);
    const asked = bodies.map(({ page }) => "/api/v1/cadets/?page=" + page + "&limit=" + limit);
    assert.deepEqual(world.requests.map(({ url }) => url), asked);
  });
  await fc.assert(paged);
});

test("Property 11: an answer without a page is an error, never an empty list", async () => {
  const isPage = (body) =>
    Array.isArray(body?.data) && [body.page, body.limit, body.total].every(Number.isInteger);
  const body = fc.oneof(
    fc.jsonValue(),
    fc.record({ page: fc.nat(), limit: fc.nat(), total: fc.nat(), data: fc.array(fc.nat()) }, { requiredKeys: [] }),
  );
  const refused = fc.asyncProperty(body.filter((each) => !isPage(each)), async (each) => {
    given({ answers: [{ status: 200, body: each }] });
    await assert.rejects(api.list("cadets"), { name: "ApiError", code: "no_page" });
  });
  await fc.assert(refused);
});

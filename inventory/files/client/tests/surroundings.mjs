// What a browser gives the client, and a server that answers as it is told: the module is the one
// that users get, its requests go over real HTTP, and nothing of it is replaced.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const MODULE = new URL("../src/utils/api.js", import.meta.url);
const kept = new Map();
const world = { answers: [], requests: [], redirects: [] };

globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, String(value)),
  removeItem: (key) => kept.delete(key),
};
globalThis.window = { location: { assign: (address) => world.redirects.push(address) } };

const server = createServer(async (asked, answer) => {
  const chunks = [];
  for await (const chunk of asked) {
    chunks.push(chunk);
  }
  const { method, url, headers } = asked;
  world.requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
  const wanted = world.answers.shift() ?? { status: 500, body: { message: "nothing was expected" } };
  if (wanted.drop) {
    asked.socket.destroy();
    return;
  }
  answer.writeHead(wanted.status, { "Content-Type": "application/json", Connection: "close" });
  answer.end(JSON.stringify(wanted.body));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
server.unref(); // an open socket keeps no test alive

const address = "http://127.0.0.1:" + server.address().port + "/";
const text = readFileSync(MODULE, "utf8").replaceAll("import.meta.env.VITE_API_URL", JSON.stringify(address));
export const api = await import("data:text/javascript," + encodeURIComponent(text));

// Begins anew: what the browser keeps, and what the server will answer, one after another.
export function given({ storage = {}, answers = [] } = {}) {
  kept.clear();
  Object.entries(storage).forEach(([key, value]) => kept.set(key, value));
  Object.assign(world, { answers: [...answers], requests: [], redirects: [] });
  return world;
}

export const storage = () => Object.fromEntries(kept);

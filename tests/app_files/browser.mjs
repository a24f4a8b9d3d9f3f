// What a browser gives the client's modules, and a server that answers as it is told. Reads one
// JSON object a line ({code, args, storage, answers}), runs the code, and writes what came of it.

import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [directory] = process.argv.slice(2);
const world = {};

class FakeSocket {
  constructor(address) {
    this.address = address;
    this.isClosed = false;
    world.sockets.push(this);
  }

  close() {
    this.isClosed = true;
  }

  drop(code = 1006) {
    this.isClosed = true;
    this.onclose({ code });
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

globalThis.localStorage = {
  getItem: (key) => world.storage.get(key) ?? null,
  setItem: (key, value) => world.storage.set(key, String(value)),
  removeItem: (key) => world.storage.delete(key),
};
globalThis.window = { location: { assign: (address) => world.redirects.push(address) } };
// Node's own fetch needs the real clock, so only the WebSocket client is given this one.
globalThis.time = {
  WebSocket: FakeSocket,
  Date: { now: () => world.now },
  setTimeout: (callback, delay) => world.timers.push({ callback, delay }),
  clearTimeout: (id) => delete world.timers[id - 1],
};

const server = createServer(async (asked, answer) => {
  const chunks = [];
  for await (const chunk of asked) {
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString();
  world.requests.push({ method: asked.method, url: asked.url, headers: asked.headers, body });
  const wanted = world.answers.shift() ?? { status: 500, body: { message: "nothing was expected" } };
  if (wanted.drop) {
    asked.socket.destroy();
    return;
  }
  const text = wanted.text ?? (wanted.status === 204 ? "" : JSON.stringify(wanted.body));
  answer.writeHead(wanted.status, { "Content-Type": wanted.text ? "text/html" : "application/json" });
  answer.end(text);
});

async function load(name, variables, head = "") {
  const text = readFileSync(join(directory, name), "utf8").replace(
    /import\.meta\.env\.(VITE_[A-Z_]+)/g,
    (_, variable) => JSON.stringify(variables[variable]),
  );
  writeFileSync(join(directory, name), head + text);
  return import(pathToFileURL(join(directory, name)));
}

async function obey({ code, args = {}, storage = {}, answers = [] }) {
  Object.assign(world, { storage: new Map(Object.entries(storage)), answers: [...answers] });
  Object.assign(world, { requests: [], redirects: [], sockets: [], timers: [], now: 0 });
  const outcome = {};
  try {
    const names = ["api", "live", "world", "args"];
    const run = new Function(...names, `return (async () => {${code}})()`);
    outcome.value = await run(api, live, world, args);
  } catch (error) {
    const { name, message, status, error: phrase, code: word, details } = error;
    outcome.failure = { name, message, status, error: phrase, code: word, details };
  }
  const { requests, redirects, sockets, timers } = world;
  return {
    ...outcome,
    requests,
    redirects,
    storage: Object.fromEntries(world.storage),
    addresses: sockets.map((socket) => socket.address),
    delays: timers.filter(Boolean).map(({ delay }) => delay),
  };
}

await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const variables = {
  VITE_API_URL: `http://127.0.0.1:${server.address().port}/`,
  VITE_WS_URL: "wss://channels.example/",
};
writeFileSync(join(directory, "package.json"), '{"type": "module"}');
const api = await load("api.js", variables);
const live = await load(
  "websocket.js",
  variables,
  "const { WebSocket, Date, setTimeout, clearTimeout } = globalThis.time;\n",
);
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await obey(JSON.parse(line))));
}
server.closeAllConnections();
server.close();

// Stands in for `vite preview`: serves what the build left in dist/, on $PORT or 4173.

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = resolve(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
};

if (!existsSync(join(DIST, "index.html"))) {
  console.error("dist/ is not there; run `npm run build` first");
  process.exit(1);
}

const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, "http://localhost").pathname);
  const wanted = join(DIST, path);
  const found = wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile();
  const file = found ? wanted : join(DIST, "index.html");
  response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
  createReadStream(file).pipe(response);
});
server.listen(Number(process.env.PORT ?? 4173), "0.0.0.0", () => {
  console.log(`serving dist/ on 0.0.0.0:${server.address().port}`);
});
process.on("SIGTERM", () => server.close(() => process.exit(0)));

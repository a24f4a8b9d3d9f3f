// Stands in for `vite build`, so that a build needs no packages from a registry. Like Vite it
// follows the imports from index.html, puts the VITE_ variables in, links the modules to one script
// that browsers run, and names it by its content. Unlike Vite it compiles no JSX: the pages write
// the same in templates (src/vendor/preact.js).

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const CLIENT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const ENTRY = /<script type="module" src="\/([^"]+)"><\/script>/;
const IMPORT = /^\s*(?:import|export)\s[^;]*?from\s+["'](\.[^"']+)["']|^\s*import\s+["'](\.[^"']+)["']/gm;
const IMPORTED = /^import\s+(?:([^"';]+?)\s+from\s+)?["']([^"']+)["'];?/gm;
const EXPORTED = /^export\s+(default\s+)?((?:async\s+)?(?:function|class)|const|let)\s+(\w+)/gm;
const LISTED = /^export\s*\{([^}]*)\};?|(?<=[;}])export\{([^}]*)\};?/gm;
const PREFIX = /^export const API_PREFIX = ["'`]([^"'`]+)["'`];?\s*$/m;
const VARIABLE = /import\.meta\.env\??\.(VITE_[A-Z0-9_]+)/g;

class BuildError extends Error {}

function read(path, wantedBy) {
  if (!existsSync(path)) {
    throw new BuildError(`${relative(CLIENT, path)} is missing; ${wantedBy} needs it`);
  }
  return readFileSync(path, "utf8");
}

function readVariables() {
  const file = join(CLIENT, ".env.production");
  const variables = {};
  for (const line of existsSync(file) ? readFileSync(file, "utf8").split(/\r?\n/) : []) {
    const match = /^\s*(VITE_[A-Z0-9_]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match) {
      variables[match[1]] = match[2].replace(/^(["'])(.*)\1$/, "$2");
    }
  }
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith("VITE_") && value) {
      variables[name] = value;
    }
  }
  return variables;
}

function checkUrl(variables, name, schemes) {
  const value = variables[name];
  let url;
  try {
    url = new URL(value);
  } catch {
    throw new BuildError(`${name} is "${value}", which is no URL; set it in .env.production`);
  }
  if (!schemes.includes(url.protocol)) {
    throw new BuildError(`${name} is "${value}"; it has to begin with ${schemes.join(" or ")}`);
  }
  return value.replace(/\/+$/, "");
}

// Modules in the order they have to run, each once.
function collect(path, wantedBy, found = new Map()) {
  if (found.has(path)) {
    return found;
  }
  const text = read(path, wantedBy);
  found.set(path, null);
  for (const match of text.matchAll(IMPORT)) {
    collect(resolve(dirname(path), match[1] ?? match[2]), relative(CLIENT, path), found);
  }
  found.delete(path);
  return found.set(path, text);
}

function checkSyntax(path, text) {
  try {
    execFileSync(process.execPath, ["--check", "--input-type=module", "-"], { input: text, stdio: "pipe" });
  } catch (error) {
    throw new BuildError(`${relative(CLIENT, path)} is not JavaScript:\n${error.stderr}`);
  }
}

// `App, { a as b }` of an import as the pattern that takes them out of an object.
function pattern(wanted) {
  const [, whole] = /^\*\s+as\s+(\w+)$/.exec(wanted) ?? [];
  if (whole) {
    return whole;
  }
  const [, alone, named = ""] = /^(\w+)?\s*,?\s*(?:\{([^}]*)\})?$/.exec(wanted);
  const parts = named.split(",").map((part) => part.trim().replace(/\s+as\s+/, ": "));
  return `{ ${[alone && `default: ${alone}`, ...parts].filter(Boolean).join(", ")} }`;
}

// A module as a function of its own, so that names of two modules do not meet.
function linked(path, text, names) {
  const given = [];
  const list = (_, first, second) => {
    for (const part of (first ?? second).split(",").filter((each) => each.trim())) {
      const [inside, outside = inside] = part.trim().split(/\s+as\s+/);
      given.push(`${outside}: ${inside}`);
    }
    return "";
  };
  const body = text
    .replace(IMPORTED, (line, wanted, from) => {
      const module = names.get(resolve(dirname(path), from));
      if (!module) {
        throw new BuildError(`${relative(CLIENT, path)} imports "${from}", which no file here is`);
      }
      return wanted ? `const ${pattern(wanted.trim())} = ${module};` : "";
    })
    .replace(EXPORTED, (_, isDefault, kind, name) => {
      given.push(isDefault ? `default: ${name}` : name);
      return `${kind} ${name}`;
    })
    .replace(LISTED, list);
  const title = `// ${relative(CLIENT, path)}`;
  return `${title}\nconst ${names.get(path)} = (() => {\n${body}\nreturn { ${given.join(", ")} };\n})();`;
}

function build() {
  const page = read(join(CLIENT, "index.html"), "the build");
  const entry = ENTRY.exec(page);
  if (!entry) {
    throw new BuildError("index.html loads no module from /src");
  }
  const modules = collect(join(CLIENT, entry[1]), "index.html");
  const api = join(CLIENT, "src/utils/api.js");
  const prefix = PREFIX.exec(read(api, "the build"));
  if (!prefix) {
    throw new BuildError('src/utils/api.js has no line `export const API_PREFIX = "/..."`');
  }
  for (const [path, text] of modules) {
    checkSyntax(path, text);
  }

  const variables = readVariables();
  const apiUrl = checkUrl(variables, "VITE_API_URL", ["http:", "https:"]);
  const wsUrl = variables.VITE_WS_URL
    ? checkUrl(variables, "VITE_WS_URL", ["ws:", "wss:"])
    : apiUrl.replace(/^http/, "ws");
  const names = new Map([...modules.keys()].map((path, number) => [path, `module${number}`]));
  const bundle = [...modules]
    .map(([path, text]) => linked(path, text, names))
    .join("\n")
    .replace(VARIABLE, (_, name) => JSON.stringify(variables[name]) ?? "undefined");
  const hash = createHash("sha256").update(bundle).digest("hex").slice(0, 8);

  const dist = join(CLIENT, "dist");
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(join(dist, "assets"), { recursive: true });
  writeFileSync(join(dist, "assets", `app-${hash}.js`), bundle);
  const config = { apiUrl, wsUrl, apiPrefix: prefix[1] };
  writeFileSync(join(dist, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  const script = `<script type="module" src="/assets/app-${hash}.js"></script>`;
  writeFileSync(join(dist, "index.html"), page.replace(ENTRY, script));
  console.log(`built dist/assets/app-${hash}.js from ${modules.size} modules for ${apiUrl}`);
}

try {
  build();
} catch (error) {
  if (!(error instanceof BuildError)) {
    throw error;
  }
  console.error(`build failed: ${error.message}`);
  process.exitCode = 1;
}

// Verify a ledger without handrail: node verify.mjs [--head SHA256] [--seal FILE]… [--key FILE.pub] [--archives FOLDER] < EXPORT
// EXPORT is what `handrail export` prints; FOLDER is the ledger's, or where the files of archived entries lie.
// Exit status: 0 good, 1 not good, 2 usage. Node 20, nothing else.
import { createHash, createPublicKey, verify } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { createInterface } from "node:readline";
import { gunzipSync } from "node:zlib";

const ARCHIVES = new Set(["ledger.archived", "ledger.restored"]);
const BESIDE = new Set([
  "approval.given", "approval.withdrawn", "person.confirmed", "confirmation.missed", "head.sealed", "doctor.asked", "vault.rekeyed", ...ARCHIVES,
]);
const given = { head: [], seal: [], key: [], archives: [] };
for (let at = 2; at < process.argv.length; at += 2) {
  const name = process.argv[at].replace(/^--/, "");
  if (!(name in given) || process.argv[at + 1] === undefined) {
    console.error("usage: node verify.mjs [--head SHA256] [--seal FILE]… [--key FILE.pub] [--archives FOLDER] < EXPORT");
    process.exit(2);
  }
  given[name].push(process.argv[at + 1]);
}

// RFC 8785: keys in the order of their UTF-16 units, numbers as JavaScript writes them.
const canonical = (value) =>
  Array.isArray(value) ? `[${value.map(canonical)}]`
  : value && typeof value === "object"
    ? `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)}}`
    : JSON.stringify(value);
const sha = (algorithm, data) => createHash(algorithm).update(data).digest();

const [problems, digests, lines] = [[], new Map(), []];
let [seq, prev, token, form, environment] = [0, "0".repeat(64), 0, 1, null];
const read = (line) => { try { return JSON.parse(line); } catch { return null; } };
function follow(line) {
  const entry = read(line);
  if (!entry) return problems.push(`the line after entry ${seq} is not JSON`);
  const { sha256, ...rest } = entry;
  seq += 1;
  const wrong = (what) => problems.push(`entry ${seq}: ${what}`);
  if (entry.seq !== seq) wrong(`its number is ${entry.seq}`);
  if (entry.prev !== prev) wrong("it does not follow the entry before it");
  if (entry.format < form || entry.format > 2) wrong("its format is not known, or older than before");
  // Format 1 was hashed in a form of Python's; its links are checked, its digests are not.
  if (entry.format === 2 && sha("sha256", canonical(rest)).toString("hex") !== sha256) wrong("its digest does not match");
  if (environment !== null && entry.environment !== environment) wrong("it is of another environment");
  if (BESIDE.has(entry.event) !== (entry.token === 0)) wrong("its token is not that of such an event");
  if (entry.token > 0 && entry.token < token) wrong("its token was stale");
  digests.set(seq, sha256);
  [prev, form, environment, token] = [sha256, entry.format, entry.environment, Math.max(token, entry.token)];
}

// What the newest entry about archives lists lies in files, in front of the first line.
for await (const line of createInterface({ input: process.stdin })) if (line.trim()) lines.push(line);
const about = lines.filter((line) => /"ledger\.(archived|restored)"/.test(line)).map(read).filter((entry) => ARCHIVES.has(entry?.event));
for (const { file, first, last, head, sha256 } of read(lines[0])?.seq === 1 ? [] : (about.at(-1)?.body?.parts ?? [])) {
  const wrong = (what) => problems.push(`archive ${file}: ${what}`);
  try {
    const places = given.archives.flatMap((folder) => [resolve(folder, file), resolve(folder, basename(file))]);
    const packed = readFileSync(places.find(existsSync) ?? file);
    if (sha("sha256", packed).toString("hex") !== sha256) wrong("it is not the file that was made");
    gunzipSync(packed).toString().split("\n").filter(Boolean).forEach(follow);
    if (seq !== last || prev !== head) wrong("it does not end where the ledger goes on");
  } catch (error) {
    const why = error.code === "ENOENT" ? "it is not here, give its folder with --archives" : error.message;
    wrong(`entries ${first} to ${last} were not checked: ${why}`);
  }
  [seq, prev] = [last, head];
}
lines.forEach((line) => follow(line));

for (const head of given.head) {
  if (![...digests.values()].includes(head)) problems.push(`the head ${head} is not in it: cut off, or rewritten`);
}

// An SSH signature (PROTOCOL.sshsig): fields with their length before them, in base64.
function fields(buffer) {
  const found = [];
  for (let at = 0; at + 4 <= buffer.length; ) {
    const size = buffer.readUInt32BE(at);
    found.push(buffer.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return found;
}
const field = (data) => {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(Buffer.byteLength(data));
  return Buffer.concat([size, Buffer.from(data)]);
};
const known = given.key.flatMap((file) =>
  readFileSync(file, "utf8").split("\n").map((line) => /ssh-ed25519 (\S+)/.exec(line)?.[1]).filter(Boolean));
function isSigned(text, armoured) {
  const blob = Buffer.from(armoured.replace(/-----[^-]+-----|\s/g, ""), "base64");
  if (blob.subarray(0, 6).toString() !== "SSHSIG") return false;
  const [key, space, reserved, hash, signature] = fields(blob.subarray(10));
  const [kind, raw] = fields(key);
  if (kind.toString() !== "ssh-ed25519" || space.toString() !== "handrail-seal" || !known.includes(key.toString("base64"))) return false;
  const signed = Buffer.concat([Buffer.from("SSHSIG"), ...[space, reserved, hash, sha(hash.toString(), text)].map(field)]);
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
  return verify(null, signed, createPublicKey({ key: spki, format: "der", type: "spki" }), fields(signature)[1]);
}

for (const file of given.seal) {
  const envelope = JSON.parse(readFileSync(file, "utf8"));
  const payload = Buffer.from(envelope.payload, "base64").toString();
  const text = `DSSEv1 ${envelope.payloadType.length} ${envelope.payloadType} ${Buffer.byteLength(payload)} ${payload}`;
  if (!isSigned(text, Buffer.from(envelope.signatures[0].sig, "base64").toString())) {
    problems.push(`seal ${file}: it was changed, or is signed by no key that was given`);
    continue;
  }
  const { environment: sealed, entry, sha256 } = JSON.parse(payload).predicate;
  if (sealed !== environment) problems.push(`seal ${file}: it is of ${sealed}`);
  if (entry > seq) problems.push(`seal ${file}: it knows ${entry} entries, and ${seq} are here`);
  else if (digests.get(entry) !== sha256) problems.push(`seal ${file}: entry ${entry} is another one`);
}

for (const each of problems) console.log(each);
console.log(problems.length ? `not good: ${problems.length} found` : `good: ${seq} entries, head ${prev}`);
process.exit(problems.length ? 1 : 0);

const API_URL = import.meta.env.VITE_API_URL.replace(/\/+$$/, "");

export const API_PREFIX = "/api/v1";

const ACCESS = "accessToken";
const REFRESH = "refreshToken";
const LEGACY = "token"; // where the client before this one kept its session
const NO_CONTENT = 204;
const UNAUTHORIZED = 401;
const UNREACHABLE = "The server cannot be reached. Check your connection and try again.";
const UNAVAILABLE = "The server is not available at the moment. Try again in a minute.";

// What the API says of a failure: `message` for people, `code` for programs.
export class ApiError extends Error {
  constructor(status, { error, message, code, details } = {}) {
    super(message || UNAVAILABLE);
    this.name = "ApiError";
    this.status = status;
    this.error = error ?? "";
    this.code = code ?? "unavailable";
    this.details = details ?? {};
  }
}

export function currentToken() {
  return localStorage.getItem(ACCESS);
}

export async function request(path, { method = "GET", body } = {}) {
  const token = currentToken();
  let response = await send(path, method, body, token);
  // An access token lasts an hour, a refresh token a week: nobody has to log in every hour.
  if (response.status === UNAUTHORIZED && token && (await renewToken(token))) {
    response = await send(path, method, body, currentToken());
  }
  if (response.status === UNAUTHORIZED) {
    localStorage.removeItem(ACCESS);
    localStorage.removeItem(REFRESH);
    window.location.assign("/login");
  }
  return answerOf(response);
}

export async function login(username, password) {
  const response = await send("/auth/login", "POST", { username, password }, null);
  const answer = await answerOf(response);
  localStorage.setItem(ACCESS, answer.access);
  localStorage.setItem(REFRESH, answer.refresh);
  // Should the client before this one ever come back, it must ask for a login, not use a stale token.
  localStorage.removeItem(LEGACY);
  return answer.user;
}

// One page of a table: {page, limit, total, data}. The server gives at most 100 rows a page.
export async function list(table, { page = 1, limit = 50 } = {}) {
  const found = await request(`/$${table.replaceAll("_", "-")}/?page=$${page}&limit=$${limit}`);
  if (!Array.isArray(found?.data) || ![found.page, found.limit, found.total].every(Number.isInteger)) {
    throw new ApiError(200, { message: `The list of $${table} came without pages.`, code: "no_page" });
  }
  return found;
}

const MOMENT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$$/;

// A moment of the API (ISO 8601 with its zone) as a Date; null stays null. Without a zone a browser
// would read it in the reader's own, and a day that does not exist as another one: both are refused.
export function parseDateTime(text) {
  if (text === null || text === undefined) {
    return null;
  }
  const found = MOMENT.exec(text);
  const [, clock, fraction = "", sign, hours = 0, minutes = 0] = found ?? [];
  const moment = new Date(`$${clock}.$${fraction.padEnd(3, "0").slice(0, 3)}Z`);
  if (Number.isNaN(moment.getTime()) || !moment.toISOString().startsWith(clock)) {
    throw new RangeError(`"$${text}" is no ISO 8601 moment with a zone`);
  }
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return new Date(moment.getTime() - (sign === "-" ? -offset : offset));
}

let renewal = null;

// Gets a new access token in place of a stale one, and says whether there is one now; requests that
// fail together share one renewal.
export function renewToken(stale) {
  if (currentToken() !== stale) {
    return Promise.resolve(Boolean(currentToken()));
  }
  renewal ??= renew().finally(() => {
    renewal = null;
  });
  return renewal;
}

async function renew() {
  const refresh = localStorage.getItem(REFRESH);
  if (!refresh) {
    return false;
  }
  const response = await send("/auth/refresh", "POST", { refresh }, null);
  if (response.status === UNAUTHORIZED) {
    return false;
  }
  const answer = await answerOf(response);
  // Whoever logged out, or in as another, meanwhile must not get this token.
  if (localStorage.getItem(REFRESH) !== refresh) {
    return Boolean(currentToken());
  }
  localStorage.setItem(ACCESS, answer.access);
  return true;
}

async function send(path, method, body, token) {
  const headers = {};
  if (token) {
    headers.Authorization = `Bearer $${token}`;
  }
  const isForm = body instanceof FormData; // fetch itself names the type and boundary of a form
  if (body !== undefined && !isForm) {
    headers["Content-Type"] = "application/json";
  }
  try {
    return await fetch(`$${API_URL}$${API_PREFIX}$${path}`, {
      method,
      headers,
      body: body === undefined || isForm ? body : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, { message: UNREACHABLE, error: "Network Error", code: "network_error" });
  }
}

async function answerOf(response) {
  if (response.status === NO_CONTENT) {
    return null;
  }
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // Not JSON: a page of the platform before the application, or a connection that broke.
    throw new ApiError(response.status);
  }
  if (!response.ok) {
    throw new ApiError(response.status, answer ?? {});
  }
  return answer;
}

const API_URL = import.meta.env.VITE_API_URL;

export const API_PREFIX = "/api";

export function currentToken() {
  return localStorage.getItem("token");
}

export async function request(path, { method = "GET", body } = {}) {
  const headers = { "Content-Type": "application/json" };
  const token = currentToken();
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  const response = await fetch(`${API_URL}${API_PREFIX}${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 401 && token) {
    localStorage.removeItem("token");
    window.location.assign("/login");
  }
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(answer.error);
  }
  return answer;
}

export async function login(username, password) {
  const answer = await request("/auth/login", { method: "POST", body: { username, password } });
  localStorage.setItem("token", answer.token);
  return answer.user;
}

export function list(table, { page = 1, limit = 50 } = {}) {
  return request(`/${table}?page=${page}&limit=${limit}`);
}

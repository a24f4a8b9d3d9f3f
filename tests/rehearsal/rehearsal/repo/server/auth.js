"use strict";

const bcrypt = require("bcryptjs");
const jwt = require("jsonwebtoken");

const LIFETIME = "12h";

async function matches(password, stored) {
  try {
    return await bcrypt.compare(password, stored);
  } catch {
    return false; // what is stored is no bcrypt hash
  }
}

function createAuth(pool, secret) {
  const sign = (user) =>
    jwt.sign({ id: user.id, username: user.username, role: user.role }, secret, {
      expiresIn: LIFETIME,
    });

  const verify = (token) => {
    try {
      return jwt.verify(token, secret, { algorithms: ["HS256"] });
    } catch {
      return null;
    }
  };

  async function login(request, response) {
    const { username, password } = request.body || {};
    if (typeof username !== "string" || typeof password !== "string") {
      response.status(400).json({ error: "username and password are required" });
      return;
    }
    const { rows } = await pool.query(
      `SELECT id, username, password, role FROM users
        WHERE username = $1 AND is_approved = 1 AND is_archived IS NOT TRUE`,
      [username],
    );
    const user = rows[0];
    if (!user || !(await matches(password, user.password))) {
      response.status(401).json({ error: "wrong username or password" });
      return;
    }
    response.json({
      token: sign(user),
      user: { id: user.id, username: user.username, role: user.role },
    });
  }

  // A guest has no header at all; a bad token is refused even where guests are welcome.
  function identify(request, response, next) {
    const header = request.get("authorization");
    request.user = header ? verify(header.replace(/^Bearer /, "")) : null;
    if (header && !request.user) {
      response.status(401).json({ error: "the token is not valid" });
      return;
    }
    next();
  }

  function requireUser(request, response, next) {
    if (!request.user) {
      response.status(401).json({ error: "a bearer token is required" });
      return;
    }
    next();
  }

  function requireRole(...roles) {
    return (request, response, next) => {
      if (!roles.includes(request.user.role)) {
        response.status(403).json({ error: `only for ${roles.join(" and ")}` });
        return;
      }
      next();
    };
  }

  return { login, verify, identify, requireUser, requireRole };
}

module.exports = { createAuth };

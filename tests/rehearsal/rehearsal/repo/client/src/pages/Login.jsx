import React, { useState } from "react";
import { login } from "../utils/api.js";

export default function Login({ onLogin }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState("");

  async function submit(event) {
    event.preventDefault();
    try {
      await login(username, password);
      onLogin();
    } catch (error) {
      setProblem(error.message);
    }
  }

  return (
    <form onSubmit={submit}>
      <input value={username} onChange={(event) => setUsername(event.target.value)} />
      <input
        type="password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <button type="submit">Log in</button>
      <p role="alert">{problem}</p>
    </form>
  );
}

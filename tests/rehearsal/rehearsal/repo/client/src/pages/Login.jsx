import { login } from "../utils/api.js";
import { html, useState } from "../vendor/preact.js";

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

  return html`
    <form onSubmit=${submit}>
      <input name="username" value=${username} onInput=${(event) => setUsername(event.target.value)} />
      <input
        name="password"
        type="password"
        value=${password}
        onInput=${(event) => setPassword(event.target.value)}
      />
      <button type="submit">Log in</button>
      <p role="alert">${problem}</p>
    </form>
  `;
}

import Cadets from "./pages/Cadets.jsx";
import Login from "./pages/Login.jsx";
import { currentToken } from "./utils/api.js";
import { openNotifications } from "./utils/websocket.js";
import { html, useEffect, useState } from "./vendor/preact.js";

export default function App() {
  const [isKnown, setKnown] = useState(Boolean(currentToken()));
  const [notices, setNotices] = useState([]);

  useEffect(() => {
    if (!isKnown) {
      return undefined;
    }
    const channel = openNotifications((notice) => setNotices((before) => [notice, ...before]));
    return () => channel.close();
  }, [isKnown]);

  if (!isKnown) {
    return html`<${Login} onLogin=${() => setKnown(true)} />`;
  }
  return html`
    <main>
      <h1>ROTC Grading System</h1>
      <ul aria-label="Notifications">
        ${notices.map((notice) => html`<li key=${notice.id}>${notice.message}</li>`)}
      </ul>
      <${Cadets} />
    </main>
  `;
}

import React, { useEffect, useState } from "react";
import Cadets from "./pages/Cadets.jsx";
import Login from "./pages/Login.jsx";
import { currentToken } from "./utils/api.js";
import { openNotifications } from "./utils/websocket.js";

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
    return <Login onLogin={() => setKnown(true)} />;
  }
  return (
    <main>
      <h1>ROTC Grading System</h1>
      <ul>
        {notices.map((notice) => (
          <li key={notice.id}>{notice.message}</li>
        ))}
      </ul>
      <Cadets />
    </main>
  );
}

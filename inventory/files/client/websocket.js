import { currentToken, renewToken } from "./api.js";

const WS_URL = import.meta.env.VITE_WS_URL.replace(/\/+$$/, "");

const UNAUTHORIZED = 4401;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
const STABLE_MS = 30_000; // a socket that held this long starts the delays anew

// Calls back with each notification of the person who is logged in, until `close()`. Every deploy
// of the channels service drops its sockets, so a lost one is opened again: later each time, and
// each browser at a moment of its own, or all of them would come back at once.
export function openNotifications(onNotification) {
  let socket = null;
  let timer = null;
  let isClosed = false;
  let losses = 0;
  let isRenewed = false;

  function connect() {
    const token = currentToken();
    if (isClosed || !token) {
      return;
    }
    const address = `$${WS_URL}/ws/notifications/?token=$${encodeURIComponent(token)}`;
    const opened = new WebSocket(address);
    let welcomedAt = null;
    socket = opened;
    opened.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "welcome") {
        welcomedAt = Date.now();
        isRenewed = false;
      } else if (message.type === "notification") {
        onNotification(message.notification);
      }
    };
    opened.onclose = ({ code }) => {
      if (isClosed) {
        return;
      }
      if (code === UNAUTHORIZED) {
        onRefused(token);
        return;
      }
      if (welcomedAt !== null && Date.now() - welcomedAt >= STABLE_MS) {
        losses = 0;
      }
      connectLater();
    };
  }

  function connectLater() {
    const longest = Math.min(FIRST_DELAY_MS * 2 ** losses, LONGEST_DELAY_MS);
    losses += 1;
    timer = setTimeout(connect, longest * (0.5 + Math.random() / 2));
  }

  // The token ran out, or never held. A renewed one is offered once; refused again, this is the end.
  async function onRefused(token) {
    try {
      if (isRenewed || !(await renewToken(token))) {
        return;
      }
      isRenewed = true;
    } catch {
      // The API cannot be reached either: ask for a new token again at the next refusal.
    }
    connectLater();
  }

  connect();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}

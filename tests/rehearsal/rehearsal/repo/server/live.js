"use strict";

const { WebSocketServer, WebSocket } = require("ws");

const LOGIN_TIMEOUT_MS = 10_000;
const UNAUTHENTICATED = 4401;

// Notifications as they are written, to the browsers of those they are meant for.
function createLive(server, auth) {
  const sockets = new WebSocketServer({ server, path: "/ws", maxPayload: 16 * 1024 });

  sockets.on("connection", (socket) => {
    const patience = setTimeout(() => socket.close(UNAUTHENTICATED, "no login"), LOGIN_TIMEOUT_MS);
    socket.on("close", () => clearTimeout(patience));
    socket.on("error", (error) => console.warn(`websocket: ${error.message}`));
    socket.on("message", (data) => {
      let message;
      try {
        message = JSON.parse(data);
      } catch {
        socket.close(UNAUTHENTICATED, "not JSON");
        return;
      }
      if (message?.type !== "auth") {
        return;
      }
      const user = auth.verify(message.token);
      if (!user) {
        socket.close(UNAUTHENTICATED, "bad token");
        return;
      }
      clearTimeout(patience);
      socket.user = user;
      socket.send(JSON.stringify({ type: "authenticated", user: { id: user.id, role: user.role } }));
    });
  });

  function send(isMeant, notification) {
    const text = JSON.stringify({
      type: "notification",
      id: notification.id,
      kind: notification.type,
      message: notification.message,
      created_at: notification.created_at,
    });
    for (const socket of sockets.clients) {
      if (socket.readyState === WebSocket.OPEN && socket.user && isMeant(socket.user)) {
        socket.send(text);
      }
    }
  }

  return {
    toRole: (role, notification) => send((user) => user.role === role, notification),
    toUser: (id, notification) => send((user) => user.id === id, notification),
    close: () => {
      for (const socket of sockets.clients) {
        socket.terminate();
      }
      sockets.close();
    },
  };
}

module.exports = { createLive };

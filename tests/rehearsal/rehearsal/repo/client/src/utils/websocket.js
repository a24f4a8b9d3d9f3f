import { currentToken } from "./api.js";

const WS_URL = import.meta.env.VITE_API_URL.replace(/^http/, "ws");

export function openNotifications(onNotification) {
  const socket = new WebSocket(`${WS_URL}/ws`);
  socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token: currentToken() }));
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.type === "notification") {
      onNotification(message);
    }
  };
  return socket;
}

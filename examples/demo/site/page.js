// Sends a message over a WebSocket and says what came back.
const cell = document.getElementById("socket");
const socket = new WebSocket(new URL("ws", location.href.replace(/^http/, "ws")));
socket.onopen = () => socket.send("hello");
socket.onmessage = (e) => { cell.textContent = "echoed: " + e.data; };
socket.onerror = () => { cell.textContent = "failed"; };

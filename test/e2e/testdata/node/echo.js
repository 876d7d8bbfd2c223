// A WebSocket echo by the package ws. It listens on PORT and knows nothing of Lanner. The text "close N" closes with that
// code; GET /closed lists the codes with which clients have closed.
const http = require("node:http");
const { WebSocketServer } = require("ws");

const closed = [];
const server = http.createServer((req, res) => res.end(closed.join(" ")));
const sockets = new WebSocketServer({ server, path: "/ws", maxPayload: 2 << 20 });

sockets.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    const code = !isBinary && data.length < 20 && /^close (\d+)$/.exec(data.toString());
    if (code) socket.close(Number(code[1]), "as asked");
    else socket.send(data, { binary: isBinary });
  });
  socket.on("close", (code) => closed.push(code));
  socket.on("error", () => {});
});

server.listen(process.env.PORT, "127.0.0.1");

// The demo's neighbour in Node. It knows nothing of Lanner: it listens on PORT, and is served below the path it is mounted at.
const http = require("node:http");
const os = require("node:os");

const base = process.env.ASPNETCORE_APPL_PATH || "";

http.createServer((req, res) => {
  res.setHeader("Content-Type", "text/html; charset=utf-8");
  res.end(`<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Node next door</title><link rel="stylesheet" href="/style.css">
<header><h1>Node ${process.version}</h1><p>Out-of-process, in another language.</p></header>
<table><tr><th>Process</th><td>${process.pid}</td></tr>
<tr><th>Path</th><td>${base} + ${req.url.slice(base.length)}</td></tr>
<tr><th>Client</th><td>${req.headers["x-forwarded-for"]} over ${req.headers["x-forwarded-proto"]}</td></tr></table>
<p><a href="/">Back</a></p></html>`);
}).listen(process.env.PORT, "127.0.0.1", () => console.log(`listening on ${process.env.PORT}, ${os.platform()}`));

process.on("SIGTERM", () => process.exit(0));

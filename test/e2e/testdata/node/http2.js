// A client made of Node's own http2. The argument is an origin. It prints what it found, as JSON.
const http2 = require("node:http2");
const crypto = require("node:crypto");

const origin = process.argv[2];
const session = http2.connect(origin, { rejectUnauthorized: false, settings: { initialWindowSize: 1 << 20 } });

function exchange(headers, body, trailers) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined, waitForTrailers: trailers !== undefined });
    const result = { interim: [], chunks: [] };
    stream.on("headers", (h) => result.interim.push(h[":status"]));
    stream.on("response", (h) => { result.headers = h; });
    stream.on("trailers", (h) => { result.trailers = h; });
    stream.on("data", (chunk) => result.chunks.push(chunk));
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.on("error", reject);
    stream.on("end", () => {
      result.body = Buffer.concat(result.chunks);
      resolve(result);
    });
    if (body !== undefined) stream.end(body);
  });
}

// A WebSocket message of a client: final, text, masked with zeros.
const frame = (op, text) => Buffer.concat([Buffer.from([0x80 | op, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

function webSocket() {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/ws", "sec-websocket-version": "13" });
    let status, received = Buffer.alloc(0);
    stream.on("response", (h) => {
      status = h[":status"];
      stream.write(frame(1, "hello from Node"));
    });
    stream.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length === 17) stream.write(frame(8, ""));
    });
    stream.on("end", () => {
      stream.end();
      resolve({ status, text: received.subarray(2, 17).toString() });
    });
    stream.on("error", reject);
  });
}

async function main() {
  await new Promise((resolve, reject) => {
    session.once("remoteSettings", resolve);
    session.once("error", reject);
  });
  const upload = crypto.randomBytes(3 << 20);
  const many = await Promise.all(Array.from({ length: 50 }, (_, n) => exchange({ ":path": `/pattern?n=${100000 + n}` })));
  const sum = await exchange({ ":method": "POST", ":path": "/sum", expect: "100-continue" }, upload);
  const trailers = await exchange({ ":method": "POST", ":path": "/trailers", trailer: "x-sent" }, "hello", { "x-sent": "by Node" });
  const head = await exchange({ ":method": "HEAD", ":path": "/bytes?n=1000" });
  const left = session.request({ ":path": "/hold?ms=60000" });
  await new Promise((resolve) => left.on("response", resolve));
  await new Promise((resolve) => {
    left.on("close", resolve);
    left.close(http2.constants.NGHTTP2_CANCEL);
  });
  const rtt = await new Promise((resolve, reject) => session.ping((err, duration) => (err ? reject(err) : resolve(duration))));
  const socket = await webSocket();
  console.log(JSON.stringify({
    protocol: session.alpnProtocol,
    lengths: many.filter((r, n) => r.headers[":status"] === 200 && r.body.length === 100000 + n).length,
    sum: sum.body.toString() === `${upload.length} ${crypto.createHash("sha256").update(upload).digest("hex")}\n`,
    interim: sum.interim,
    trailer: trailers.trailers["x-count"],
    head: [head.headers["content-length"], head.body.length],
    pinged: rtt > 0,
    socket,
  }));
  session.close();
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});

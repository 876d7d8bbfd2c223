"""The demo's neighbour in Python. It knows nothing of Lanner: it listens on PORT, and is served below the path it is
mounted at."""

import html
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BASE = os.environ.get("ASPNETCORE_APPL_PATH", "")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        field = lambda name: html.escape(self.headers.get(name) or "")
        page = f"""<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Python next door</title><link rel="stylesheet" href="/style.css">
<header><h1>Python {sys.version.split()[0]}</h1><p>Out-of-process, in another language.</p></header>
<table><tr><th>Process</th><td>{os.getpid()}</td></tr>
<tr><th>Path</th><td>{BASE} + {html.escape(self.path[len(BASE):])}</td></tr>
<tr><th>Client</th><td>{field("X-Forwarded-For")} over {field("X-Forwarded-Proto")}</td></tr></table>
<p><a href="/">Back</a></p></html>""".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()

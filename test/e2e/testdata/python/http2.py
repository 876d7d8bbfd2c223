"""A client made of httpx and h2. The arguments are an origin and a file of certificates. It prints what it found, as JSON."""

import asyncio
import hashlib
import json
import os
import ssl
import sys

import httpx


async def main(origin, certificates):
    context = ssl.create_default_context(cafile=certificates)
    upload = os.urandom(3 << 20)
    # Without http1, httpx speaks HTTP/2 by prior knowledge.
    async with httpx.AsyncClient(http1=origin.startswith("https"), http2=True, verify=context, trust_env=False, timeout=60) as client:
        await client.get(origin + "/seen")
        many = await asyncio.gather(*(client.get(f"{origin}/pattern?n={100000 + n}") for n in range(50)))
        sent = await client.post(origin + "/sum", content=upload)
        head = await client.head(origin + "/bytes?n=1000")
        lines = []
        async with client.stream("GET", origin + "/hold?ms=100") as response:
            async for line in response.aiter_lines():
                lines.append(line.strip())
    print(json.dumps({
        "versions": sorted({r.http_version for r in (*many, sent, head)}),
        "lengths": sum(r.status_code == 200 and len(r.content) == 100000 + n for n, r in enumerate(many)),
        "sum": sent.text == f"{len(upload)} {hashlib.sha256(upload).hexdigest()}\n",
        "head": [head.headers["content-length"], len(head.content)],
        "lines": lines,
    }))


asyncio.run(main(*sys.argv[1:]))

"""A web service in aiohttp; also what the reverse proxies stand before."""

import asyncio
import ssl
import sys

from aiohttp import web

from record import record


async def notifications(request):
    """What MongooseIM sends."""
    record(await request.post(), request.headers["host"], request.headers["content-type"])
    return web.Response(text="ok")


async def close(request):
    """The same, and closes the connection."""
    response = await notifications(request)
    response.force_close()
    return response


async def limited(request):
    """aiohttp looks at the length and answers 413."""
    return web.Response(text=str(len(await request.post())))


async def private(_request):
    """Leaves the body unread."""
    raise web.HTTPUnauthorized


def application(limit):
    """At most `limit` bytes of a body."""
    app = web.Application(client_max_size=limit)
    app.add_routes([web.post("/notifications", notifications), web.post("/close", close),
                    web.post("/limited", limited), web.post("/private", private)])
    return app


async def main(folder, limit, keep_alive, plain, secure):
    """Serves on both ports until it is killed."""
    runner = web.AppRunner(application(int(limit)), access_log=None,
                           keepalive_timeout=float(keep_alive))
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
    await web.TCPSite(runner, "127.0.0.1", int(plain)).start()
    await web.TCPSite(runner, "127.0.0.1", int(secure), ssl_context=context).start()
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))

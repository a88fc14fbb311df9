"""Application servers: the framework of each decodes the body and writes down what it holds."""

import subprocess

from server import HTTP1, HTTP2, HTTPS, Server

EARLY = {"/limited": 413, "/private": 401}


def _python(place, name):
    return str(place.venv / "bin" / name)


def _version(place, package):
    code = f"import importlib.metadata as m; print(m.version('{package}'))"
    said = subprocess.run([_python(place, "python"), "-c", code], check=True, capture_output=True,
                          text=True)
    return said.stdout.strip()


def aiohttp(place, name="aiohttp", keep_alive=5, limit=100_000):
    """aiohttp; the one behind the proxies takes more and keeps connections longer. It counts from the
    moment of connecting: on a machine that is too busy to read within a second, one second would end
    connections that have just been made."""
    plain, tls = place.ports(), place.ports()
    command = [_python(place, "python"), place.here / "apps/aiohttp_app.py", place.folder, limit,
               keep_alive, plain, tls]
    ports = {HTTP1: plain, HTTPS: tls}
    return Server(name, place.child(name, command, [plain, tls]), ports, early=EARLY,
                  idle=keep_alive, idle_ports=ports, closing=ports, closing_path="/close",
                  version=_version(place, "aiohttp"))


def gunicorn(place):
    """gunicorn with Flask: threads, which keep connections for 2 s, and plain workers, which keep none."""
    plain, tls, sync = place.ports(), place.ports(), place.ports()
    base = [_python(place, "gunicorn"), "--worker-tmp-dir", place.folder, "--workers", 2]
    threads = [*base, "--worker-class", "gthread", "--threads", 8]
    app = "flask_app:app"
    key = ["--certfile", place.folder / "server.pem", "--keyfile", place.folder / "server.key"]
    version = f"{_version(place, 'gunicorn')}, Flask {_version(place, 'flask')}"

    def server(name, command, protocol, port, **more):
        child = place.child(name, [*command, "--bind", f"127.0.0.1:{port}", app], [port])
        return Server(name, child, {protocol: port}, early=EARLY, version=version, **more)

    return [server("gunicorn", threads, HTTP1, plain, idle=2, idle_ports={HTTP1: plain}),
            server("gunicorn (TLS)", [*threads, *key], HTTPS, tls, idle=2, idle_ports={HTTPS: tls}),
            server("gunicorn (sync)", base, HTTP1, sync, closing={HTTP1: sync})]


def uvicorn(place):
    """uvicorn with FastAPI, with both of its parsers."""
    version = f"{_version(place, 'uvicorn')}, FastAPI {_version(place, 'fastapi')}"
    servers = []
    for parser, protocol in (("h11", HTTP1), ("httptools", HTTP1), ("h11", HTTPS)):
        port = place.ports()
        name = f"uvicorn ({parser})" if protocol == HTTP1 else f"uvicorn ({parser}, TLS)"
        command = [_python(place, "uvicorn"), "--host", "127.0.0.1", "--port", port, "--http", parser,
                   "--log-level", "warning", "--timeout-keep-alive", 2, "fastapi_app:app"]
        if protocol == HTTPS:
            command += ["--ssl-certfile", place.folder / "server.pem",
                        "--ssl-keyfile", place.folder / "server.key"]
        ports = {protocol: port}
        servers.append(Server(name, place.child(name, command, [port]), ports, early=EARLY, idle=2,
                              idle_ports=ports, closing=ports, closing_path="/close",
                              version=version))
    return servers


def hypercorn(place):
    """hypercorn with FastAPI; over TLS it speaks whatever the client chooses."""
    plain, tls = place.ports(), place.ports()
    command = [_python(place, "hypercorn"), "--insecure-bind", f"127.0.0.1:{plain}", "--bind",
               f"127.0.0.1:{tls}", "--certfile", place.folder / "server.pem", "--keyfile",
               place.folder / "server.key", "--keep-alive", 2, "fastapi_app:app"]
    ports = {HTTP1: plain, HTTPS: tls, HTTP2: tls}
    version = f"{_version(place, 'hypercorn')}, FastAPI {_version(place, 'fastapi')}"
    # Over HTTP/2, what comes of a body after the answer ends its connection, with all that is on it.
    return [Server("hypercorn", place.child("hypercorn", command, [plain, tls]), ports, early=EARLY,
                   early_workers=1, idle=2, idle_ports=ports, closing={HTTP1: plain, HTTPS: tls},
                   closing_path="/close", version=version)]


def waitress(place):
    """waitress with Flask."""
    port = place.ports()
    command = [_python(place, "waitress-serve"), f"--listen=127.0.0.1:{port}", "--threads=8",
               "--max-request-body-size=150000", "--channel-timeout=2", "--cleanup-interval=1",
               "flask_app:app"]
    version = f"{_version(place, 'waitress')}, Flask {_version(place, 'flask')}"
    return [Server("waitress", place.child("waitress", command, [port]), {HTTP1: port},
                   early={"/limited": 413}, idle=2, idle_ports={HTTP1: port}, version=version)]


def node(place):
    """Node.js: http and https keep connections for 5 s; http2."""
    plain, tls, http2 = place.ports(), place.ports(), place.ports()
    program, app = place.program("node"), place.here / "apps/node_app.js"
    version = place.version([program, "--version"])
    ports = {HTTP1: plain, HTTPS: tls}
    first = place.child("node-http", [program, app, "http1", place.folder, plain, tls], [plain, tls])
    second = place.child("node-http2", [program, app, "http2", place.folder, http2], [http2])
    return [Server("Node.js http", first, ports, early=EARLY, idle=5, idle_ports=ports, closing=ports,
                   closing_path="/close", version=version),
            Server("Node.js http2", second, {HTTP2: http2}, early=EARLY, version=version)]


def php(place):
    """PHP's built-in server, which closes after each answer."""
    port = place.ports()
    program = place.program("php8.2")
    command = [program, "-n", "-S", f"127.0.0.1:{port}", place.here / "apps/php/index.php"]
    child = place.child("php", command, [port], env={"PHP_CLI_SERVER_WORKERS": "4"})
    return [Server("PHP built-in server", child, {HTTP1: port}, early={"/private": 401},
                   closing={HTTP1: port}, version=place.version([program, "-n", "-v"]))]


def go(place):
    """Go's net/http; over TLS it speaks whatever the client chooses."""
    plain, tls, closing = place.ports(), place.ports(), place.ports()
    folder = place.own_folder("go")
    program = place.program("go")
    place.go_build(folder / "service", place.here / "apps/service.go")
    child = place.child("go", [folder / "service", place.folder, plain, tls, closing],
                        [plain, tls, closing])
    said = subprocess.run([program, "version"], check=True, capture_output=True, text=True,
                          env=place.go_env())
    ports = {HTTP1: plain, HTTPS: tls, HTTP2: tls}
    # Over HTTP/2, `Connection: close` is GOAWAY: of several requests at a time most come too late.
    return [Server("Go net/http", child, ports, early=EARLY, idle=1, idle_ports=ports,
                   closing={HTTP1: closing}, version=said.stdout.split()[2].removeprefix("go"))]

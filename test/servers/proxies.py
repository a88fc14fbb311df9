"""Reverse proxies before an application, each as its own documentation has it done, and php-fpm."""

import os
import signal

from server import HTTP1, HTTP2, HTTPS, Server

# Processes that the servers start from root run as this user, as the Debian packages have it.
USER, GROUP = "nobody", "nogroup"
EARLY = {"/limited": 413, "/private": 401}


def nginx(place, backend):
    """nginx, with short keep-alive on more ports, and php-fpm behind it."""
    folder = place.own_folder("nginx")
    plain, tls, http2 = place.ports(), place.ports(), place.ports()
    idle = {HTTP1: place.ports(), HTTPS: place.ports(), HTTP2: place.ports()}
    closing = {HTTP1: place.ports(), HTTPS: place.ports()}
    pool, socket = f"{folder}/fpm.conf", f"{folder}/fpm.sock"
    root = os.geteuid() == 0
    with open(pool, "w", encoding="utf-8") as file:
        file.write(f"""[global]
error_log = /dev/stderr
daemonize = no
[www]
{f'user = {USER}' if root else ''}
{f'group = {GROUP}' if root else ''}
listen = {socket}
listen.mode = 0666
pm = static
pm.max_children = 4
env[RECORDS] = {place.records}
""")
    fpm = place.child("php-fpm", [place.program("php-fpm8.2"), "-n", "-F", "-y", pool], [])
    ssl = f"ssl_certificate {place.folder}/server.pem; ssl_certificate_key {place.folder}/server.key;"
    temporary = "\n".join(f"  {kind}_temp_path {folder}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    locations = f"""
    location / {{
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }}
    location /limited {{ client_max_body_size 100k; lingering_close off; proxy_pass http://application; }}
    location /private {{ keepalive_timeout 0; lingering_close off; return 401; }}
    location = /php {{
      fastcgi_pass unix:{socket};
      fastcgi_param SCRIPT_FILENAME {place.here}/apps/php/index.php;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_HOST $http_host;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
    }}"""

    def listen(ports):
        words = {HTTP1: "", HTTPS: " ssl", HTTP2: " ssl http2"}
        return " ".join(f"listen 127.0.0.1:{port}{words[kind]};" for kind, port in ports.items())

    ports = {HTTP1: plain, HTTPS: tls, HTTP2: http2}
    (folder / "nginx.conf").write_text(f"""
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log stderr warn;
{f'user {USER} {GROUP};' if root else ''}
events {{ worker_connections 512; }}
http {{
  access_log off;
{temporary}
  keepalive_requests 100;
  {ssl}
  upstream application {{ server 127.0.0.1:{backend}; keepalive 16; }}
  server {{ {listen(ports)} {locations} }}
  server {{ {listen(idle)} keepalive_timeout 1s; {locations} }}
  server {{ {listen(closing)} keepalive_timeout 0; {locations} }}
}}
""")
    program = place.program("nginx")
    child = place.child("nginx", [program, "-e", "stderr", "-c", folder / "nginx.conf"],
                        [*ports.values(), *idle.values()], stop=signal.SIGQUIT)
    version = place.version([program, "-v"])
    server = Server("nginx", child, ports, early=EARLY, idle_ports=idle, idle=1, closing=closing,
                    reload=lambda: child.signal(signal.SIGHUP), version=version)
    php = Server("php-fpm behind nginx", fpm, ports, path="/php", closing=closing, closing_path="/php",
                 version=place.version([place.program("php-fpm8.2"), "-n", "-v"]))
    return [server, php]


def apache(place, backend):
    """Apache httpd with its event MPM."""
    folder = place.own_folder("apache")
    plain, tls, http2 = place.ports(), place.ports(), place.ports()
    closing = {HTTP1: place.ports(), HTTPS: place.ports()}
    modules = "\n".join(
        f"LoadModule {name}_module {place.data('usr/lib/apache2/modules')}/mod_{name}.so"
        for name in ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_basic",
                     "authn_file", "proxy", "proxy_http", "ssl", "http2", "socache_shmcb"))
    virtual = "".join(f"""
<VirtualHost 127.0.0.1:{port}>
  SSLEngine on
  SSLCertificateFile {place.folder}/server.pem
  SSLCertificateKeyFile {place.folder}/server.key
  Protocols {protocol}
  KeepAlive {keep_alive}
</VirtualHost>""" for port, protocol, keep_alive in (
        (tls, "http/1.1", "On"), (http2, "h2", "On"), (closing[HTTPS], "http/1.1", "Off")))
    (folder / "passwords").write_text("")
    (folder / "httpd.conf").write_text(f"""
ServerRoot {folder}
PidFile {folder}/httpd.pid
ServerName localhost
DefaultRuntimeDir {folder}
Mutex file:{folder} default
ErrorLog /dev/stderr
{modules}
{f'User {USER}' if os.geteuid() == 0 else ''}
{f'Group {GROUP}' if os.geteuid() == 0 else ''}
Listen 127.0.0.1:{plain}
Listen 127.0.0.1:{tls}
Listen 127.0.0.1:{http2}
Listen 127.0.0.1:{closing[HTTP1]}
Listen 127.0.0.1:{closing[HTTPS]}
KeepAliveTimeout 1
ServerLimit 4
MaxRequestWorkers 100
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:{backend}/
SSLSessionCache shmcb:{folder}/sessions(512000)
<Location /private>
  AuthType Basic
  AuthName private
  AuthUserFile {folder}/passwords
  Require valid-user
</Location>
<VirtualHost 127.0.0.1:{plain}>
</VirtualHost>
<VirtualHost 127.0.0.1:{closing[HTTP1]}>
  KeepAlive Off
</VirtualHost>{virtual}
""")
    program = place.program("apache2")
    ports = {HTTP1: plain, HTTPS: tls, HTTP2: http2}
    child = place.child("apache", [program, "-DFOREGROUND", "-f", folder / "httpd.conf"],
                        [*ports.values(), *closing.values()])
    # Its limit of a body does not hold for what is handed on to another server.
    server = Server("Apache httpd", child, ports, early={"/private": 401}, idle=1, idle_ports=ports,
                    closing=closing, reload=lambda: child.signal(signal.SIGUSR1),
                    version=place.version([program, "-v"]))
    return [server]


def haproxy(place, backend):
    """HAProxy as a master with workers, which hand over their sockets."""
    folder = place.own_folder("haproxy")
    plain, tls, http2 = place.ports(), place.ports(), place.ports()
    closing = {HTTP1: place.ports(), HTTPS: place.ports()}
    (folder / "haproxy.cfg").write_text(f"""
global
  stats socket {folder}/stats.sock mode 600 level admin expose-fd listeners
  hard-stop-after 10s
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-keep-alive 1s
frontend front
  bind 127.0.0.1:{plain}
  bind 127.0.0.1:{tls} ssl crt {place.folder}/both.pem alpn http/1.1
  bind 127.0.0.1:{http2} ssl crt {place.folder}/both.pem alpn h2
  http-request deny deny_status 413 if {{ path /limited }} {{ req.hdr_val(content-length) gt 100000 }}
  http-request deny deny_status 401 if {{ path /private }}
  default_backend application
frontend closing
  bind 127.0.0.1:{closing[HTTP1]}
  bind 127.0.0.1:{closing[HTTPS]} ssl crt {place.folder}/both.pem alpn http/1.1
  option httpclose
  default_backend application
backend application
  server application 127.0.0.1:{backend}
""")
    program = place.program("haproxy")
    ports = {HTTP1: plain, HTTPS: tls, HTTP2: http2}
    child = place.child("haproxy", [program, "-W", "-db", "-f", folder / "haproxy.cfg"],
                        [*ports.values(), *closing.values()])
    server = Server("HAProxy", child, ports, early=EARLY, idle=1, idle_ports=ports, closing=closing,
                    reload=lambda: child.signal(signal.SIGUSR2),
                    version=place.version([program, "-v"]))
    return [server]


def lighttpd(place, backend):
    """lighttpd; over TLS it speaks whatever the client chooses."""
    folder = place.own_folder("lighttpd")
    plain, tls = place.ports(), place.ports()
    closing = {HTTP1: place.ports(), HTTPS: place.ports()}
    ssl = f"""
  ssl.engine = "enable"
  ssl.pemfile = "{place.folder}/both.pem\""""
    (folder / "lighttpd.conf").write_text(f"""
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {plain}
server.modules = ("mod_openssl", "mod_proxy")
server.max-keep-alive-idle = 1
server.max-request-size = 150
server.errorlog = "/dev/stderr"
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {backend})))
$SERVER["socket"] == "127.0.0.1:{tls}" {{{ssl}
}}
$SERVER["socket"] == "127.0.0.1:{closing[HTTP1]}" {{
  server.max-keep-alive-requests = 0
}}
$SERVER["socket"] == "127.0.0.1:{closing[HTTPS]}" {{{ssl}
  server.max-keep-alive-requests = 0
}}
""")
    program = place.program("lighttpd")
    command = [program, "-D", "-m", place.data("usr/lib/lighttpd"), "-f", folder / "lighttpd.conf"]
    ports = {HTTP1: plain, HTTPS: tls, HTTP2: tls}
    child = place.child("lighttpd", command, [plain, tls, *closing.values()])
    return [Server("lighttpd", child, ports, early={"/limited": 413}, idle=1, idle_ports=ports,
                   closing=closing, version=place.version([program, "-v"]))]


def h2o(place, backend):
    """h2o."""
    folder = place.own_folder("h2o")
    plain, tls = place.ports(), place.ports()
    (folder / "h2o.conf").write_text(f"""
{'user: ' + USER if os.geteuid() == 0 else ''}
num-threads: 2
error-log: {folder}/errors
pid-file: {folder}/pid
limit-request-body: 150000
http1-request-timeout: 1
proxy.preserve-host: ON
proxy.timeout.keepalive: 10000
listen:
  host: 127.0.0.1
  port: {plain}
listen:
  host: 127.0.0.1
  port: {tls}
  ssl:
    certificate-file: {place.folder}/server.pem
    key-file: {place.folder}/server.key
hosts:
  default:
    paths:
      "/":
        proxy.reverse.url: http://127.0.0.1:{backend}/
""")
    program = place.program("h2o")
    ports = {HTTP1: plain, HTTPS: tls, HTTP2: tls}
    child = place.child("h2o", [program, "-m", "worker", "-c", folder / "h2o.conf"], [plain, tls])
    # Over HTTP/2 it refuses the stream of a body that is too long, without a status.
    return [Server("h2o", child, ports, early={"/limited": 413}, refuses={HTTP2}, idle=1,
                   idle_ports={HTTP1: plain, HTTPS: tls},
                   version=place.version([program, "--version"]))]


def nghttp(place, backend):
    """nghttpx, the proxy of nghttp2, and its server nghttpd, which serves no application: it says in
    its log what it has read."""
    plain, tls, static = place.ports(), place.ports(), place.ports()
    closing = {HTTP1: place.ports(), HTTPS: place.ports()}
    key = [f"{place.folder}/server.key", f"{place.folder}/server.pem"]
    program = place.program("nghttpx")

    def proxy(name, plain, tls, *more):
        return place.child(name, [
            program, "--conf=/dev/null", f"--frontend=127.0.0.1,{plain};no-tls",
            f"--frontend=127.0.0.1,{tls}", f"--backend=127.0.0.1,{backend}", "--workers=1",
            "--errorlog-file=/dev/stderr", "--no-ocsp", *more, *key], [plain, tls])

    version = place.version([program, "--version"])
    child = proxy("nghttpx", plain, tls, "--frontend-keep-alive-timeout=1s")
    servers = [Server("nghttpx", child, {HTTP1: plain, HTTPS: tls, HTTP2: tls}, idle=1,
                      idle_ports={HTTP1: plain, HTTPS: tls}, version=version)]
    child = proxy("nghttpx-closing", *closing.values(), "--frontend-max-requests=1")
    servers.append(Server("nghttpx (closing)", child, closing, closing=closing, version=version))
    program = place.program("nghttpd")
    child = place.child("nghttpd", [program, "--address=127.0.0.1", "--echo-upload", "-v", static,
                                    *key], [static])
    servers.append(Server("nghttpd", child, {HTTP2: static}, recorded=False,
                          version=place.version([program, "--version"])))
    return servers

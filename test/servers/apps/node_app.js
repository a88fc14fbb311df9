// A web service in Node.js, by its modules http, https and http2: http1 FOLDER PLAIN SECURE, or
// http2 FOLDER SECURE.
'use strict';

const fs = require('node:fs');

const [kind, folder, ...ports] = process.argv.slice(2);
const file = fs.openSync(process.env.RECORDS, 'a');
const tls = {
  key: fs.readFileSync(`${folder}/server.key`),
  cert: fs.readFileSync(`${folder}/server.pem`),
};

function record(body, host, type) {
  const form = new URLSearchParams(body.toString());
  const fields = Object.fromEntries(form);
  fs.writeSync(file, `${JSON.stringify({ ...fields, host, type })}\n`);
}

// The same for both: in http2 this is the compatibility API.
function answer(request, response) {
  const { 'content-type': type, 'content-length': length } = request.headers;
  const close = kind === 'http1' ? { connection: 'close' } : {};
  if (request.url === '/private') {
    response.writeHead(401, close);
    response.end('no');
    return;
  }
  if (request.url === '/limited' && Number(length) > 100000) {
    response.writeHead(413, close);
    response.end('too long');
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { host: field, ':authority': authority } = request.headers;
    // In HTTP/2, Node.js shows both where there are both.
    const host = field && authority ? `${field} beside ${authority}` : field ?? authority;
    record(Buffer.concat(chunks), host, type);
    response.writeHead(200, request.url === '/close' ? close : {});
    response.end('ok');
  });
}

if (kind === 'http1') {
  require('node:http').createServer(answer).listen(Number(ports[0]), '127.0.0.1');
  require('node:https').createServer(tls, answer).listen(Number(ports[1]), '127.0.0.1');
} else {
  require('node:http2').createSecureServer(tls, answer).listen(Number(ports[0]), '127.0.0.1');
}

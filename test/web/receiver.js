// A running `http-pusher receive --web`, and requests to it as the engine sends them.
"use strict";

const { spawn } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");

const SECRET = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SEED = crypto.createHash("sha256").update("a key for tests").digest();
// An Ed25519 key in PKCS #8 is this and the seed (RFC 8410).
const PRIVATE = crypto.createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), SEED]), format: "der", type: "pkcs8",
});
const PUBLIC = crypto.createPublicKey(PRIVATE).export({ format: "der", type: "spki" }).subarray(-32).toString("base64");

class Receiver {
  static async start(program, options, ports = ["0", "127.0.0.1:0"]) {
    const receiver = new Receiver();
    receiver.directory = fs.mkdtempSync(path.join(os.tmpdir(), "http-pusher-web-"));
    const keys = path.join(receiver.directory, "keys");
    fs.writeFileSync(keys, `whsec_${SECRET}\nwhpk_${PUBLIC}\n`);
    const all = ["receive", "--json", "--port", ports[0], "--web", ports[1], "--secret-file", keys, ...options];
    receiver.child = spawn(program, all, { stdio: ["ignore", "pipe", "inherit"] });
    const lines = readline.createInterface({ input: receiver.child.stdout });
    const first = await new Promise((resolve, reject) => {
      lines.once("line", resolve);
      receiver.child.once("exit", () => reject(new Error("the program has ended")));
    });
    const { listening, web } = JSON.parse(first);
    receiver.url = listening;
    receiver.page = web;
    return receiver;
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once("exit", resolve));
      this.child.kill();
      await ended;
    }
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  /** Sends a request; returns the answer, or `null` if the connection was closed instead. */
  post(body, headers = {}, at = "/notifications") {
    return new Promise((resolve) => {
      const request = http.request(this.url + at, { method: "POST", headers, agent: false }, (response) => {
        response.resume();
        response.on("end", () => resolve(response));
      });
      request.on("error", () => resolve(null));
      request.end(body);
    });
  }

  json(value, headers = {}) {
    return this.post(JSON.stringify(value), { "content-type": "application/json", ...headers });
  }

  /** Sends an event signed as Standard Webhooks says. */
  signed(id, value, { headers = {}, version = "v1" } = {}) {
    const body = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
    return this.post(body, { "content-type": "application/json", ...signature(id, body, version), ...headers });
  }
}

function signature(id, body, version) {
  const time = String(Math.floor(Date.now() / 1000));
  const message = Buffer.concat([Buffer.from(`${id}.${time}.`), body]);
  const signed = version === "v1"
    ? crypto.createHmac("sha256", Buffer.from(SECRET, "base64")).update(message).digest()
    : crypto.sign(null, message, PRIVATE);
  return { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": `${version},${signed.toString("base64")}` };
}

/** An event as docs/payloads.md has it. */
function message(body, more = {}) {
  const address = (user, resource) => ({
    jid: `${user}@localhost${resource ? `/${resource}` : ""}`, user, server: "localhost", ...(resource ? { resource } : {}),
  });
  return {
    type: "message.chat",
    timestamp: "2026-11-26T12:34:56.789012Z",
    data: { direction: "out", host: "localhost", from: address("alice", "phone"), to: address("bob"), message_id: "m1", body, ...more },
  };
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };

module.exports = { FORM, Receiver, message };

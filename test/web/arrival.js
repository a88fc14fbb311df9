// Notifications arrive: formats, signatures, duplicates, filters, pause, export, bounds.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const zlib = require("node:zlib");
const { FORM, Receiver, message } = require("./receiver.js");

const row = (page, n) => page.locator(`.row[data-n="${n}"]`);
const shown = async (page) => {
  const rows = await page.locator("#list > li:not([hidden]) > .row").all();
  return Promise.all(rows.map(async (one) => Number(await one.getAttribute("data-n"))));
};

/** The names with values that the details show of the events. */
async function fields(page, n) {
  await row(page, n).click();
  await page.locator("#details-title", { hasText: `Notification ${n}` }).waitFor({ state: "attached" });
  const cells = await page.locator(".event tr").allInnerTexts();
  return Object.fromEntries(cells.map((text) => text.split("\t").map((part) => part.trim())));
}

// A frame of zstd with one block that is not compressed (RFC 8878): Node.js of Debian 12 cannot compress with it.
function zstd(body) {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x60, (body.length - 256) & 255, (body.length - 256) >> 8]);
  const block = (body.length << 3) | 1;
  return Buffer.concat([head, Buffer.from([block & 255, (block >> 8) & 255, block >> 16]), body]);
}

module.exports = [
  {
    name: "every format is decoded, compressed or not",
    async run({ page, receiver }) {
      await receiver.post("author=alice&server=localhost&receiver=bob&message=Hi+%26+bye", FORM);
      await row(page, 1).waitFor();
      assert.match(await row(page, 1).innerText(), /message[\s\S]*Hi & bye[\s\S]*alice → bob[\s\S]*form/);
      assert.equal((await fields(page, 1)).message, "Hi & bye");

      await receiver.json(message("one"));
      assert.equal((await fields(page, 2))["data.from.jid"], "alice@localhost/phone");

      const batch = Buffer.from(JSON.stringify([message("first"), message("second"), message("x".repeat(300))]));
      for (const [coding, body] of [["gzip", zlib.gzipSync(batch)], ["zstd", zstd(batch)]]) {
        await receiver.signed(`batch_${coding}`, body, { headers: { "content-encoding": coding } });
      }
      for (const [n, coding] of [[3, "gzip"], [4, "zstd"]]) {
        await row(page, n).click();
        assert.match(await row(page, n).innerText(), new RegExp(`JSON, batch\\s*3 events\\s*${coding}\\s*signed`));
        await page.getByText("Event 2 of 3: message.chat").waitFor();
        await page.locator(".facts", { hasText: `as ${coding}, ` }).waitFor();
      }

      const data = message("in the body").data;
      const attributes = { specversion: "1.0", id: "msg_1", source: "xmpp://localhost", type: "message.chat" };
      await receiver.json({ ...attributes, data }, { "content-type": "application/cloudevents+json" });
      await receiver.json([{ ...attributes, data }], { "content-type": "application/cloudevents-batch+json" });
      const binary = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));
      await receiver.json(data, binary);
      for (const [n, form] of [[5, "structured"], [6, "batch"], [7, "binary"]]) {
        assert.equal((await fields(page, n))["data.body"], "in the body", form);
        assert.match(await row(page, n).innerText(), new RegExp(`message\\.chat[\\s\\S]*CloudEvents, ${form}`));
      }
      await receiver.post('{"create":{}}\n{"body":"a line"}\n', { "content-type": "application/x-ndjson" });
      await row(page, 8).click();
      await page.getByText("Event 2 of 2").waitFor();
      await receiver.post("plain text", { "content-type": "text/plain" });
      await row(page, 9).click();
      await page.locator("details[data-part=body] pre", { hasText: "plain text" }).waitFor();
      await receiver.post(Buffer.from([0xff, 0, 1]), { "content-type": "application/octet-stream" });
      await row(page, 10).click();
      await page.locator("details[data-part=body] pre", { hasText: "ff 00 01" }).waitFor();
      await receiver.post("{broken", { "content-type": "application/json" });
      await row(page, 11).click();
      await page.locator(".facts dt", { hasText: "Problem" }).waitFor();
    },
  },
  {
    name: "signatures of both versions, and duplicates",
    async run({ page, receiver }) {
      await receiver.signed("msg_1", message("HMAC"));
      await receiver.signed("msg_2", message("Ed25519"), { version: "v1a" });
      await receiver.signed("msg_1", message("HMAC"));
      await receiver.signed("msg_3", message("bad"), { headers: { "webhook-id": "msg_4" } });
      await receiver.json(message("bare"));
      const says = [
        [1, "signed", "valid (v1)"], [2, "signed", "valid (v1a)"], [3, "again, first #1", "valid (v1)"],
        [4, "signature not valid", "not valid: no signature fits the keys and the body"],
        [5, "not signed", "not signed: there is no webhook-id"],
      ];
      for (const [n, badge, text] of says) {
        await row(page, n).getByText(badge, { exact: true }).waitFor();
        await row(page, n).click();
        await page.locator(".facts dd").getByText(text, { exact: true }).waitFor();
      }
      assert.equal(await row(page, 1).getByText("again").count(), 0);
    },
  },
  {
    name: "filters by text, format and kind",
    async run({ page, receiver }) {
      await receiver.post("author=alice&receiver=bob&message=one", FORM);
      await receiver.signed("msg_1", message("two"));
      await receiver.signed("msg_1", message("two"));
      await receiver.json(message("three"));
      await row(page, 4).waitFor();
      const after = async (act, expected) => {
        await act();
        assert.deepEqual(await shown(page), expected);
      };
      const only = (value) => () => page.selectOption("#filter-only", value);
      await after(only("again"), [3]);
      await after(only("first"), [4, 2, 1]);
      await after(only("invalid"), [4, 1]);
      await after(only("refused"), []);
      await after(only(""), [4, 3, 2, 1]);
      await after(() => page.selectOption("#filter-format", "form"), [1]);
      await after(() => page.selectOption("#filter-format", ""), [4, 3, 2, 1]);
      await after(() => page.fill("#filter-text", "TWO alice"), [3, 2]);
      await page.getByText("4 notifications · 2 shown").waitFor();
      // What arrives later is filtered too, and the export has what is shown.
      await receiver.json(message("two again"));
      await receiver.json(message("other"));
      await page.getByText("6 notifications · 3 shown").waitFor();
      const download = page.waitForEvent("download");
      await page.click("#export");
      const lines = fs.readFileSync(await (await download).path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
      const bodies = lines.map((line) => JSON.parse(Buffer.from(line.body_base64, "base64")).data.body);
      assert.deepEqual(bodies, ["two", "two", "two again"]);
    },
  },
  {
    name: "paused, and only the last are kept",
    options: ["--keep", "5"],
    async run({ page, receiver }) {
      await receiver.json(message("1"));
      await row(page, 1).waitFor();
      await page.click("#pause");
      for (let n = 2; n <= 9; n += 1) await receiver.json(message(String(n)));
      await page.getByRole("button", { name: "Resume (5)" }).waitFor();
      assert.deepEqual(await shown(page), [1]);
      await page.click("#pause");
      await row(page, 9).waitFor();
      assert.deepEqual(await shown(page), [9, 8, 7, 6, 5]);
      await page.click("#clear");
      await page.getByText("Waiting for the first notification").waitFor();
      assert.deepEqual(await shown(page), []);
    },
  },
  {
    name: "a page that is loaded again, and a program that is started again",
    async run({ page, receiver, program }) {
      await receiver.json(message("before"));
      await row(page, 1).waitFor();
      await page.reload();
      await row(page, 1).waitFor();
      const ports = [new URL(receiver.url).port, new URL(receiver.page).host];
      await receiver.stop();
      await page.locator("#link[data-state=lost]").waitFor();
      const second = await Receiver.start(program, [], ports);
      try {
        await page.locator("#link[data-state=live]").waitFor();
        await page.getByText("Waiting for the first notification").waitFor();
        await second.json(message("after"));
        assert.match(await row(page, 1).innerText(), /after/);
      } finally {
        await second.stop();
      }
    },
  },
];

// The page for people: with a keyboard, with a screen reader, by day and by night, on a small screen. Pictures of it.
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const zlib = require("node:zlib");
const axe = require.resolve("axe-core/axe.min.js");
const fs = require("node:fs");
const { FORM, message } = require("./receiver.js");

/** Some of everything. */
async function fill(receiver) {
  await fetch(`${receiver.page}answers`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ status: 503, times: 2 }),
  });
  await receiver.post("author=alice&server=localhost&receiver=bob&message=Hi+%26+bye", FORM);
  await receiver.signed("msg_2qRVsmHh6eYyTkDqLJZpNw", message("Shall we meet at seven?"));
  await receiver.signed("msg_2qRVsmHh6eYyTkDqLJZpNw", message("Shall we meet at seven?"));
  const batch = Buffer.from(JSON.stringify([message("The roses are out."), message("So they are!"), message("See you there")]));
  await receiver.signed("batch_8c1f", zlib.gzipSync(batch), { headers: { "content-encoding": "gzip" } });
  const presence = {
    specversion: "1.0", id: "msg_91", source: "xmpp://localhost", type: "presence.online", time: "2026-11-26T12:34:56.789012Z",
    datacontenttype: "application/json",
    data: { host: "localhost", jid: "alice@localhost/phone", user: "alice", server: "localhost", resource: "phone", status: "online" },
  };
  await receiver.signed("msg_91", presence, { headers: { "content-type": "application/cloudevents+json" } });
  await receiver.signed("msg_92", message("<script>alert('text, and nothing else')</script>", { message_id: "m7" }));
  await receiver.signed("msg_93", message("Bring the blue book"), { headers: { "webhook-id": "msg_94" } });
}

/** Everything that axe-core finds; it runs in the page, past the policy. */
async function audit(page, view) {
  const result = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  const broken = result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(broken, [], view);
  assert.ok(result.passes.length > 20);
}

const VIEWS = [
  ["light", "light", { width: 1200, height: 740 }],
  ["dark", "dark", { width: 1200, height: 740 }],
  ["narrow", "light", { width: 400, height: 860 }],
];

async function each_view(page, act) {
  for (const [name, colorScheme, size] of VIEWS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(size);
    await act(name);
  }
}

module.exports = [
  {
    name: "without a fault that axe-core finds, light, dark and narrow",
    // A colour that is on its way to another one has any contrast.
    context: { bypassCSP: true, reducedMotion: "reduce" },
    async run({ page, receiver, directory }) {
      await page.addScriptTag({ content: fs.readFileSync(axe, "utf8") });
      await each_view(page, (view) => audit(page, view));
      await fill(receiver);
      await page.locator('.row[data-n="6"]').click();
      await page.locator(".event").first().waitFor();
      await page.mouse.move(1, 1);
      await each_view(page, (view) => page.screenshot({ path: path.join(directory, "pictures", `receive-${view}.png`) }));
      await page.evaluate(() => document.querySelectorAll("#details-body details").forEach((part) => { part.open = true; }));
      await each_view(page, async (view) => {
        await audit(page, view);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
        assert.equal(wide, false, `${view}: the page scrolls sideways`);
      });
    },
  },
  {
    name: "all of it with the keyboard alone",
    async run({ page, receiver }) {
      await fill(receiver);
      await page.locator('.row[data-n="7"]').waitFor();
      const focused = () => page.evaluate(() => document.activeElement.dataset.n ?? document.activeElement.id);
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
      await page.keyboard.press("Enter");
      assert.equal(await focused(), "list");
      await page.keyboard.press("Tab");
      assert.equal(await focused(), "7");
      await page.keyboard.press("Enter");
      await page.locator("#details-title", { hasText: "Notification 7" }).waitFor({ state: "attached" });
      await page.keyboard.press("ArrowDown");
      assert.equal(await focused(), "6");
      await page.locator("#details-title", { hasText: "Notification 6" }).waitFor({ state: "attached" });
      assert.equal(await page.locator('.row[aria-current="true"]').getAttribute("data-n"), "6");
      await page.keyboard.press("End");
      assert.equal(await focused(), "1");
      await page.keyboard.press("Home");
      assert.equal(await focused(), "7");
      // The focus can be seen.
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(outline, "solid");
      await page.keyboard.press("/");
      assert.equal(await focused(), "filter-text");
      await page.keyboard.type("roses/");
      assert.equal(await page.locator("#filter-text").inputValue(), "roses/");
      // Every control is reached by Tab, in the order in which it stands there.
      const reached = new Set();
      for (let steps = 0; steps < 60; steps += 1) {
        await page.keyboard.press("Tab");
        reached.add(await focused());
      }
      for (const id of ["filter-format", "filter-only", "pause", "clear", "export", "status", "delay", "retry-after", "close", "times"]) {
        assert.ok(reached.has(id), id);
      }
    },
  },
  {
    name: "a screen reader learns what happens and where things are",
    async run({ page, receiver }) {
      for (const [role, name] of [["main", "Notifications"], ["search", "Filters"], ["complementary", "Answers"], ["banner"]]) {
        assert.equal(await page.getByRole(role, name ? { name } : {}).count(), 1, role);
      }
      assert.equal(await page.getByRole("region", { name: "Details" }).count(), 1);
      await receiver.json(message("one"));
      await receiver.json(message("two"));
      await page.locator("#said", { hasText: /new notifications?, 2 in all/ }).waitFor({ state: "attached" });
      assert.equal(await page.locator("#said").getAttribute("role"), "status");
      await page.getByRole("list", { name: "Notifications, newest first" }).getByRole("listitem").first().waitFor();
      await page.getByRole("button", { name: /#2.*message\.chat/ }).click();
      await page.getByRole("heading", { name: "#2 message.chat" }).waitFor();
      await page.getByRole("table", { name: "Event" }).getByRole("rowheader", { name: "data.body" }).waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      assert.equal(await page.locator("#pause").getAttribute("aria-pressed"), "true");
    },
  },
];

// Nothing that is received acts in the page, and no other site reads or changes anything.
"use strict";

const assert = require("node:assert/strict");
const http = require("node:http");
const { FORM, message } = require("./receiver.js");

const ATTACKS = [
  "<script>document.title = 'owned'; alert(1)</script>",
  "<img src=x onerror=\"alert(1)\">",
  "\"><svg onload=alert(1)>",
  "</td></tr></table><h1>big</h1>",
  "javascript:alert(1)",
  "{{constructor.constructor('alert(1)')()}}",
];

module.exports = [
  {
    name: "whatever is received is text",
    async run({ page, receiver }) {
      const title = await page.title();
      for (const attack of ATTACKS) {
        await receiver.json({ ...message(attack), type: attack, [attack]: attack }, { "webhook-id": attack, "x-attack": attack });
        await receiver.post(new URLSearchParams({ author: attack, receiver: attack, message: attack, [attack]: attack }).toString(), FORM);
        await receiver.post(attack, { "content-type": "text/html" });
        await receiver.post(attack, { "content-type": "application/json", "content-encoding": attack });
        await receiver.post("{}", { "content-type": attack }, `/${encodeURIComponent(attack)}?${attack.replace(/[\s"<>{}]/g, "")}`);
      }
      const count = ATTACKS.length * 5;
      await page.locator(`.row[data-n="${count}"]`).waitFor();
      // One after the other, with all that they have, in the page itself: each step from here is a round trip.
      await page.evaluate(async (last) => {
        const end = Date.now() + 180_000;
        for (let n = 1; n <= last; n += 1) {
          document.querySelector(`.row[data-n="${n}"]`).click();
          while (document.getElementById("details-title").textContent !== `Notification ${n}`) {
            if (Date.now() > end) throw new Error(`the details of ${n} do not come`);
            await new Promise((resolve) => { setTimeout(resolve, 5); });
          }
          document.querySelectorAll("#details-body details").forEach((part) => { part.open = true; });
        }
      }, count);
      await page.locator('.row[data-n="1"]').click();
      await page.locator(".event td", { hasText: ATTACKS[0] }).first().waitFor();
      assert.equal(await page.title(), title);
      const strange = await page.evaluate(() => {
        const found = [...document.querySelectorAll("main script, main img, main svg, main h1, main iframe, main a:not(#export)")];
        return found.map((one) => one.outerHTML);
      });
      assert.deepEqual(strange, []);
    },
  },
  {
    name: "text that turns around or hides is written out",
    async run({ page, receiver }) {
      await receiver.json(message("a\u202etxt.exe\u200b\u0007 שלום"));
      await page.locator('.row[data-n="1"]').click();
      await page.locator(".event td", { hasText: "a\\u{202e}txt.exe\\u{200b}\\u{7} שלום" }).waitFor();
    },
  },
  {
    name: "the policy refuses what the page does not do",
    expected: /Content Security Policy|Refused|Trusted/,
    async run({ page }) {
      const refused = await page.evaluate(async () => {
        const tries = {
          inline: () => { const made = document.createElement("script"); made.textContent = "window.owned = 1"; document.head.append(made); },
          html: () => { document.createElement("p").innerHTML = "<b>x</b>"; },
          fetch: () => fetch("http://stranger.example/"),
          style: () => { const made = document.createElement("style"); made.textContent = "body{display:none}"; document.head.append(made); },
        };
        const results = {};
        for (const [name, act] of Object.entries(tries)) {
          try { await act(); results[name] = "done"; } catch { results[name] = "refused"; }
        }
        results.owned = window.owned === undefined ? "no" : "yes";
        results.hidden = getComputedStyle(document.body).display === "none" ? "yes" : "no";
        return results;
      });
      assert.deepEqual([refused.html, refused.fetch, refused.owned, refused.hidden], ["refused", "refused", "no", "no"]);
    },
  },
  {
    name: "another site neither reads nor changes anything",
    expected: /./,
    async run({ browser, receiver }) {
      const site = http.createServer((_, response) => {
        response.setHeader("content-type", "text/html");
        response.end("<!doctype html><title>stranger</title>");
      });
      await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
      const context = await browser.newContext();
      try {
        const stranger = await context.newPage();
        stranger.setDefaultTimeout(180_000);
        await stranger.goto(`http://stranger.example:${site.address().port}/`);
        const settings = JSON.stringify({ status: 500 });
        const tries = await stranger.evaluate(async ([page, body]) => {
          const results = [];
          const kinds = ["application/json", "text/plain"];
          for (const kind of kinds) {
            for (const mode of ["cors", "no-cors"]) {
              const wish = { method: "POST", body, mode, headers: { "content-type": kind } };
              results.push(await fetch(`${page}answers`, wish).then((answer) => answer.type, () => "refused"));
            }
          }
          results.push(await fetch(`${page}export`).then((answer) => answer.text(), () => "refused"));
          results.push(await new Promise((resolve) => {
            const events = new EventSource(`${page}events`);
            events.addEventListener("hello", () => resolve("read"));
            events.onerror = () => { events.close(); resolve("refused"); };
          }));
          const form = document.createElement("form");
          Object.assign(form, { method: "post", action: `${page}clear`, enctype: "text/plain", target: "_blank" });
          document.body.append(form);
          form.submit();
          return results;
        }, [receiver.page, settings]);
        assert.deepEqual(tries.filter((result) => result !== "refused" && result !== "opaque"), []);
        const now = await (await fetch(`${receiver.page}answers`)).json();
        assert.equal(now.status, 200);
        // In a frame of theirs the page shows nothing.
        await stranger.evaluate((page) => {
          const frame = document.createElement("iframe");
          frame.src = page;
          document.body.append(frame);
        }, receiver.page);
        await stranger.waitForTimeout(300);
        const frames = await Promise.all(stranger.frames().map((frame) => frame.locator("#list").count().catch(() => 0)));
        assert.ok(frames.every((count) => count === 0));
        // A name of theirs that resolves to this machine (DNS rebinding).
        const { port } = new URL(receiver.page);
        const answer = await stranger.goto(`http://rebinding.example:${port}/`);
        assert.equal(answer.status(), 403);
        assert.equal(await stranger.locator("#list").count(), 0);
      } finally {
        await context.close();
        await new Promise((resolve) => site.close(resolve));
      }
    },
  },
];

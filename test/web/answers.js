// Answers are set in the page, and a service of one's own is asked.
"use strict";

const assert = require("node:assert/strict");
const http = require("node:http");
const { Receiver, message } = require("./receiver.js");

const status = async (sending) => (await sending)?.statusCode ?? null;

module.exports = [
  {
    name: "answers are set, by buttons and by the form",
    expected: /400/,
    async run({ page, receiver, open }) {
      const now = (text) => page.locator("#answers-now", { hasText: text }).waitFor();
      await page.getByRole("button", { name: "503 three times" }).click();
      await now("Now: status 503, for 3 more requests");
      const statuses = [];
      for (let n = 0; n < 4; n += 1) statuses.push(await status(receiver.json(message("try"))));
      assert.deepEqual(statuses, [503, 503, 503, 200]);
      await now("Now: status 200");
      assert.match(await page.locator('.row[data-n="1"] .answer').innerText(), /503/);
      await page.selectOption("#filter-only", "refused");
      await page.waitForFunction(() => document.querySelectorAll("#list > li:not([hidden])").length === 3);

      await page.getByLabel("Status", { exact: true }).fill("429");
      await page.getByLabel("Retry-After").fill("120");
      await page.getByLabel("Delay in milliseconds").fill("50");
      await page.getByRole("button", { name: "Apply" }).click();
      await now("Now: status 429, after 50 ms, Retry-After: 120");
      const answer = await receiver.json(message("slow down"));
      assert.deepEqual([answer.statusCode, answer.headers["retry-after"]], [429, "120"]);
      // Another window knows it.
      const second = await open();
      await second.page.locator("#answers-now", { hasText: "status 429" }).waitFor();
      await second.page.close();

      await page.getByLabel("Close the connection").check();
      await page.getByRole("button", { name: "Apply" }).click();
      await now("Now: the connection is closed");
      assert.equal(await receiver.json(message("closed")), null);
      await page.locator('.row[data-n="6"] .answer', { hasText: "closed" }).waitFor();

      await page.getByLabel("Status", { exact: true }).fill("42");
      await page.getByRole("button", { name: "Apply" }).click();
      await page.getByRole("alert").getByText("Status: ").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.id), "status");
      assert.equal(await page.locator("#status").getAttribute("aria-invalid"), "true");
      await page.getByLabel("Status", { exact: true }).fill("200");
      await page.getByLabel("Retry-After").fill("soon é");
      await page.getByRole("button", { name: "Apply" }).click();
      await page.getByRole("alert").getByText("Not applied: retry_after: expected seconds or a date").waitFor();
    },
  },
  {
    name: "an own service is asked, and both sides are shown",
    async run({ browser, program, receiver }) {
      const service = http.createServer((request, response) => {
        request.resume();
        request.on("end", () => {
          response.writeHead(request.url === "/bad" ? 500 : 202, { "x-own": "yes" });
          response.end("<b>thanks</b>");
        });
      });
      await new Promise((resolve) => service.listen(0, "127.0.0.1", resolve));
      const url = `http://127.0.0.1:${service.address().port}`;
      const passing = await Receiver.start(program, ["--forward", url]);
      const context = await browser.newContext();
      try {
        const page = await context.newPage();
        page.setDefaultTimeout(180_000);
        await page.goto(passing.page);
        await page.locator("#forwarding", { hasText: url }).waitFor();
        await page.locator("#answers-now", { hasText: "what your service answers" }).waitFor();
        assert.equal(await status(passing.json(message("pass it on"))), 202);
        assert.equal(await status(passing.post("{}", {}, "/bad")), 500);
        await page.locator('.row[data-n="1"]').click();
        const part = page.locator("details[data-part=service]");
        await part.getByText("202 after ").waitFor();
        await part.locator("tr", { hasText: "x-own" }).waitFor();
        assert.equal(await part.locator("pre").innerText(), "<b>thanks</b>");
        await page.getByRole("button", { name: "503", exact: true }).click();
        await page.locator("#answers-now", { hasText: "status 503" }).waitFor();
        assert.equal(await status(passing.json(message("not you"))), 503);
        await page.getByRole("button", { name: "what your service says" }).click();
        await page.locator("#answers-now", { hasText: "what your service answers" }).waitFor();
        assert.equal(await status(passing.json(message("you again"))), 202);
        await new Promise((resolve) => service.close(resolve));
        service.closeAllConnections?.();
        assert.equal(await status(passing.json(message("nobody"))), 502);
        await page.locator('.row[data-n="5"]').click();
        await part.locator(".bad").waitFor();
      } finally {
        await context.close();
        await passing.stop();
        service.close();
      }
    },
  },
];

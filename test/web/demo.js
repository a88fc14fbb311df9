// `WEB=1 make demo` ends with the address of a page that shows what the demo has sent.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

module.exports = [
  {
    name: "the demo ends with the address of a page that shows all of it",
    async run({ browser, program }) {
      const script = path.join(__dirname, "../../scripts/demo");
      const env = { ...process.env, WEB: "1", WEB_ADDRESS: "127.0.0.1:0", PROGRAM: program };
      const demo = spawn(script, { env, stdio: ["ignore", "pipe", "inherit"] });
      const ended = new Promise((resolve) => demo.once("exit", resolve));
      const context = await browser.newContext();
      try {
        let counts = null;
        let stanzas = null;
        let address = null;
        for await (const line of readline.createInterface({ input: demo.stdout })) {
          stanzas ??= line.match(/(\d+) stanzas are sent/)?.[1] ?? null;
          if (line.startsWith("{")) counts = JSON.parse(line);
          address = line.match(/^The page .*: (http:\/\/127\.0\.0\.1:\d+\/)$/)?.[1];
          if (address) break;
        }
        assert.ok(address, "there is no address");
        const page = await context.newPage();
        page.setDefaultTimeout(180_000);
        await page.goto(address);
        await page.getByText(`${counts.sent} notifications`, { exact: true }).waitFor();
        assert.ok(counts.sent > 0);
        // As README says.
        const readme = fs.readFileSync(path.join(__dirname, "../../README.md"), "utf8");
        assert.ok(readme.includes(`${stanzas} stanzas to the module, as sessions would; ${counts.sent} of them become notifications`));
        await page.locator(".row .answer.good").first().waitFor();
      } finally {
        await context.close();
        demo.kill("SIGINT");
        await ended;
      }
    },
  },
];

// Runs every check of the page in one Chromium. Arguments: the program `http-pusher`, and a directory to write to.
"use strict";

const { chromium } = require("playwright-core");
const { Receiver } = require("./receiver.js");

const CHECKS = [
  ...require("./arrival.js"),
  ...require("./safety.js"),
  ...require("./answers.js"),
  ...require("./people.js"),
  ...require("./demo.js"),
];

/** What checks without options of their own share: a new one costs a process, and their pages have nothing in common. */
const shared = {};

async function context(browser, options) {
  const make = (more) => browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true, ...more });
  if (options) return make(options);
  shared.context ??= await make();
  return shared.context;
}

/** A browser's page that must not say anything on its console, nor ask for anything but the receiver's own. */
async function open(browser, receiver, options) {
  const page = await (await context(browser, options)).newPage();
  page.setDefaultTimeout(180_000);
  const faults = [];
  page.on("console", (message) => {
    // A page that has lost its receiver says so there.
    if (message.type() === "error" && !/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY/.test(message.text())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => { faults.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    if (!request.url().startsWith(receiver.page) && !request.url().startsWith("blob:")) faults.push(`a request to ${request.url()}`);
  });
  await page.goto(receiver.page);
  await page.waitForSelector("#link[data-state=live]");
  return { page, faults };
}

async function run(browser, directory, program, check) {
  const receiver = await Receiver.start(program, check.options ?? []);
  try {
    const { page, faults } = await open(browser, receiver, check.context);
    await check.run({ browser, page, receiver, program, directory, open: (options) => open(browser, receiver, options) });
    const left = faults.filter((fault) => !(check.expected && check.expected.test(fault)));
    if (left.length) throw new Error(`the browser says: ${left.join("\n")}`);
  } finally {
    for (const one of browser.contexts()) {
      if (one !== shared.context) await one.close();
      else for (const page of one.pages()) await page.close();
    }
    await receiver.stop();
  }
}

(async () => {
  const [program, directory] = process.argv.slice(2);
  // It runs as root, in a machine that is thrown away, and opens pages of this test alone. A stranger's name resolves to this machine.
  const browser = await chromium.launch({
    timeout: 180_000,
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-lcd-text", "--host-resolver-rules=MAP *.example 127.0.0.1"],
  });
  let failed = 0;
  for (const check of CHECKS) {
    const begin = Date.now();
    try {
      await run(browser, directory, program, check);
      console.log(`ok      ${check.name} (${Date.now() - begin} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${check.name}\n${error.stack}`);
    }
  }
  await browser.close();
  console.log(`${CHECKS.length - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
})();

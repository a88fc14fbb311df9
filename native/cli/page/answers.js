// How requests are answered: shows the present settings and changes them.

import { $, element, plural } from "./elements.js";

const PRESETS = [
  ["200", { status: 200 }],
  ["503", { status: 503 }],
  ["503 three times", { status: 503, times: 3 }],
  ["429, Retry-After 10", { status: 429, retry_after: "10" }],
  ["410", { status: 410 }],
  ["slow, 5 s", { status: 200, delay: 5000 }],
  ["closed", { status: 200, close: true }],
];

let forwards = false;

export function start() {
  $("presets").append(...PRESETS.map(([name, settings]) =>
    element("button", { type: "button", on: { click: () => apply(whole(settings)) } }, name)));
  $("answers-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const settings = read();
    if (settings) apply(settings);
  });
  $("by").addEventListener("change", () => { $("status").disabled = asks(); });
}

/** Whether there is a service that may answer. */
export function setForward(url) {
  const before = forwards;
  forwards = url !== null;
  $("by-field").hidden = !forwards;
  if (forwards && !before) {
    const pass = element("button", { type: "button", on: { click: () => apply(whole({ status: null })) } }, "what your service says");
    $("presets").prepend(pass);
  }
}

const asks = () => forwards && $("by").value === "service";
const whole = (settings) => ({ status: 200, delay: 0, retry_after: "", close: false, times: null, ...settings });

/** Shows the present settings, and puts them into the form unless it is being filled in. */
export function show(settings) {
  $("answers-now").textContent = words(settings);
  if ($("answers-form").contains(document.activeElement) && document.activeElement.matches("input")) return;
  fill(settings);
}

function fill(settings) {
  $("by").value = settings.status === null ? "service" : "own";
  $("status").value = settings.status ?? 200;
  $("status").disabled = asks();
  $("delay").value = settings.delay;
  $("retry-after").value = settings.retry_after;
  $("close").checked = settings.close;
  $("times").value = settings.times ?? "";
}

function words(settings) {
  const parts = [settings.close ? "the connection is closed" : settings.status === null ? "what your service answers" : `status ${settings.status}`];
  if (settings.delay > 0) parts.push(`after ${settings.delay} ms`);
  if (settings.retry_after && !settings.close) parts.push(`Retry-After: ${settings.retry_after}`);
  if (settings.times !== null) parts.push(`for ${plural(settings.times, "more request")}`);
  return `Now: ${parts.join(", ")}`;
}

/** The settings of the form; the first wrong field gets the focus. */
function read() {
  const number = (id, empty) => ($(id).value === "" ? empty : Number($(id).value));
  for (const id of ["status", "delay", "times"]) {
    const input = $(id);
    const wrong = !input.disabled && !input.checkValidity();
    input.toggleAttribute("aria-invalid", wrong);
    if (wrong) {
      input.setAttribute("aria-invalid", "true");
      const name = document.querySelector(`label[for=${id}]`).textContent;
      fail(`${name}: ${input.validationMessage}`);
      input.focus();
      return null;
    }
  }
  return {
    status: asks() ? null : number("status", 200),
    delay: number("delay", 0),
    retry_after: $("retry-after").value.trim(),
    close: $("close").checked,
    times: number("times", null),
  };
}

const fail = (text) => { $("answers-error").textContent = text; };

async function apply(settings) {
  fail("");
  try {
    const response = await fetch("answers", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(settings),
    });
    if (!response.ok) throw new Error(await response.text());
    const now = await response.json();
    $("answers-now").textContent = words(now);
    fill(now);
  } catch (error) {
    fail(`Not applied: ${error.message}`);
  }
}

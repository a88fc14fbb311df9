// The page of `http-pusher receive --web`: listens to the program and passes on what it says.

import { $ } from "./elements.js";
import * as answers from "./answers.js";
import * as details from "./details.js";
import { List } from "./list.js";

let run = null;
const list = new List((n) => details.show(n));
answers.start();

function link(state, text) {
  $("link").dataset.state = state;
  $("link-text").textContent = text;
}

function hello(data) {
  // The program was started again: it has forgotten what the page shows.
  if (run !== null && run !== data.run) list.clear();
  run = data.run;
  list.keep = data.keep;
  $("listening").textContent = data.listening;
  $("forwarding").hidden = data.forward === null;
  $("forward").textContent = data.forward ?? "";
  $("example").textContent = `curl -d author=alice -d message=Hi ${data.listening}/notifications`;
  answers.setForward(data.forward);
  answers.show(data.answers);
  link("live", "live");
}

const events = new EventSource("events");
const on = (name, act) => events.addEventListener(name, (event) => act(JSON.parse(event.data)));
on("hello", hello);
on("arrived", (row) => list.arrived(row));
on("answered", ({ n, answer }) => {
  list.answered(n, answer);
  if (n === list.chosen) details.show(n);
});
on("answers", (settings) => answers.show(settings));
on("cleared", () => list.clear());
events.addEventListener("error", () => link("lost", "not connected, trying again"));

$("clear").addEventListener("click", () => {
  fetch("clear", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" })
    .catch(() => link("lost", "not connected, trying again"));
});

// Wherever the focus is, / goes to the filter, unless something is being typed.
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    $("filter-text").focus();
  }
});

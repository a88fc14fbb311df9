// All of one notification: what happened, its events, header fields, body, and what the own service said.

import { $, answerText, bytes, element, foreign, plural, visible } from "./elements.js";

let asked = 0;
/** Parts that were opened or closed by hand stay so. */
const byHand = new Map();

/** Shows a notification; none if `n` is null. */
export async function show(n) {
  const turn = ++asked;
  const body = $("details-body");
  $("hint").hidden = n !== null;
  if (n === null) {
    $("details-title").textContent = "Details";
    body.replaceChildren();
    return;
  }
  let found;
  try {
    const response = await fetch(`requests/${n}`);
    if (!response.ok) throw new Error(response.status === 404 ? "It is no longer kept." : `The program answered ${response.status}.`);
    found = await response.json();
  } catch (error) {
    if (turn === asked) body.replaceChildren(element("p", { class: "error" }, String(error.message)));
    return;
  }
  // Another one was chosen meanwhile.
  if (turn !== asked) return;
  body.replaceChildren(...parts(found));
  $("details-title").textContent = `Notification ${n}`;
}

function parts({ row, http, tls, headers, decoded, forwarded, complete }) {
  const answer = answerText(row.answer);
  const facts = [
    ["Answer", element("span", { class: answer.good === null ? "" : answer.good ? "good" : "bad" }, answer.more)],
    ["Format", format(row, decoded)],
    ["Request", foreign(`${row.method} ${row.path}`)],
    ["Over", `HTTP/${http}${tls ? `, ${tls.replace("v1_", " 1.")}` : ""}`],
    ["Arrived", element("time", { datetime: row.at }, row.at)],
  ];
  if (row.id !== null) facts.push(["webhook-id", foreign(row.id)]);
  if (row.again !== null) facts.push(["Duplicate", `of #${row.again}: the same webhook-id`]);
  if (row.signature) {
    facts.push(["Signature", element("span", { class: row.signature.valid ? "good" : row.signature.missing ? "" : "bad" }, row.signature.text)]);
  }
  if (decoded.problem) facts.push(["Problem", element("span", { class: "bad" }, foreign(decoded.problem))]);
  if (!complete) facts.push(["Incomplete", "the body ends early"]);
  return [
    element("h3", { class: "title" }, element("span", { class: "number" }, `#${row.n}`), " ", foreign(row.kind || `${row.method} ${row.path}`)),
    facts_table(facts),
    ...events(decoded),
    ...(forwarded ? [service(forwarded)] : []),
    part("headers", `Header fields (${headers.length})`, false, table(headers, "Header fields")),
    part("body", `Body as text (${bytes(decoded.plain_bytes ?? row.bytes)})`, decoded.events.length === 0, text(decoded)),
  ];
}

function format(row, decoded) {
  const sizes = decoded.encoding
    ? `${bytes(row.bytes)} as ${visible(decoded.encoding)}${decoded.plain_bytes === null ? "" : `, ${bytes(decoded.plain_bytes)} decoded`}`
    : bytes(row.bytes);
  return `${decoded.format}, ${sizes}`;
}

function facts_table(facts) {
  const list = element("dl", { class: "facts" });
  for (const [name, value] of facts) list.append(element("dt", {}, name), element("dd", {}, value));
  return list;
}

function events(decoded) {
  const shown = decoded.events.map((event, at) => {
    const title = decoded.count > 1 ? `Event ${at + 1} of ${decoded.count}` : "Event";
    return element("section", { class: "event", "aria-label": title },
      element("h4", {}, title, decoded.count > 1 && event.kind ? ": " : "", decoded.count > 1 ? foreign(event.kind) : ""),
      table(event.fields, title));
  });
  const left = decoded.count - decoded.events.length;
  if (left > 0) shown.push(element("p", { class: "note" }, `${plural(left, "more event")}: export them to see all.`));
  return shown;
}

function table(pairs, label) {
  const rows = pairs.map(([name, value]) => element("tr", {},
    element("th", { scope: "row" }, foreign(name)),
    element("td", { dir: "auto" }, visible(value))));
  return element("div", { class: "scroll" }, element("table", { "aria-label": label }, element("tbody", {}, ...rows)));
}

function part(name, title, open, ...content) {
  const made = element("details", { open: byHand.get(name) ?? open, data: { part: name } });
  const summary = element("summary", { on: { click: () => byHand.set(name, !made.open) } }, title);
  made.append(summary, ...content.filter((child) => child !== null));
  return made;
}

function text(decoded) {
  const note = [];
  if (decoded.hex) note.push("Not text, so in hexadecimal.");
  if (decoded.cut) note.push("Only the beginning.");
  return element("div", {},
    note.length ? element("p", { class: "note" }, note.join(" ")) : null,
    decoded.text === "" ? element("p", { class: "note" }, "The body is empty.") : element("pre", { tabindex: "0", dir: "auto", "aria-label": "Body" }, visible(decoded.text)));
}

function service(forwarded) {
  const good = forwarded.status !== null && forwarded.status < 300;
  const outcome = forwarded.status === null ? forwarded.error : `${forwarded.status} after ${forwarded.ms} ms`;
  return part("service", "Your service", true,
    facts_table([
      ["Passed on to", foreign(forwarded.url)],
      ["It answered", element("span", { class: good ? "good" : "bad" }, foreign(outcome))],
    ]),
    forwarded.headers.length ? table(forwarded.headers, "Header fields of your service's answer") : null,
    forwarded.body ? element("pre", { tabindex: "0", dir: "auto", "aria-label": "Body of your service's answer" }, visible(forwarded.body)) : null);
}

// The list: what is kept, what of it is shown, and which one is chosen.

import { $, answerText, element, foreign, plural, time } from "./elements.js";

export class List {
  /** `choose(n)` is called when a notification is chosen, or `null` when it is gone. */
  constructor(choose) {
    this.choose = choose;
    this.rows = new Map();      // by number, in order of arrival
    this.waiting = [];          // rows that came while paused
    this.keep = 500;
    this.paused = false;
    this.chosen = null;
    this.formats = new Set();
    this.fresh = new Set();     // rows that have no element yet
    this.due = false;
    this.list = $("list");
    this.list.addEventListener("keydown", (event) => this.key(event));
    for (const id of ["filter-text", "filter-format", "filter-only"]) {
      $(id).addEventListener("input", () => this.filter());
    }
    $("pause").addEventListener("click", () => this.pause(!this.paused));
  }

  arrived(row) {
    if (this.paused) {
      if (!this.waiting.some((other) => other.n === row.n)) this.waiting.push(row);
      if (this.waiting.length > this.keep) this.waiting.shift();
    } else if (!this.rows.has(row.n)) {
      this.rows.set(row.n, { row, element: null });
      this.fresh.add(row.n);
    } else {
      this.rows.get(row.n).row = row;
      this.answered(row.n, row.answer);
      return;
    }
    this.later();
  }

  answered(n, answer) {
    const waiting = this.waiting.find((row) => row.n === n);
    if (waiting) waiting.answer = answer;
    const entry = this.rows.get(n);
    if (!entry) return;
    entry.row.answer = answer;
    if (entry.element) this.mark(entry);
    if (this.only() === "refused" && entry.element) entry.element.hidden = !this.matches(entry.row);
    this.later();
  }

  clear() {
    this.rows.clear();
    this.waiting = [];
    this.fresh.clear();
    this.list.replaceChildren();
    this.select(null);
    this.later();
  }

  pause(paused) {
    this.paused = paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    if (!paused) {
      const waiting = this.waiting;
      this.waiting = [];
      for (const row of waiting) this.arrived(row);
    }
    this.later();
  }

  /** One drawing for all that arrives before the next frame. */
  later() {
    if (this.due) return;
    this.due = true;
    // A page in the background gets no frames.
    const draw = () => { this.due = false; this.draw(); };
    if (document.hidden) setTimeout(draw, 250); else requestAnimationFrame(draw);
  }

  draw() {
    for (const n of this.rows.keys()) {
      if (this.rows.size <= this.keep) break;
      this.remove(n);
    }
    const fragment = document.createDocumentFragment();
    const arrived = [...this.fresh].filter((n) => this.rows.has(n)).sort((a, b) => b - a);
    this.fresh.clear();
    for (const n of arrived) {
      const entry = this.rows.get(n);
      entry.element = this.item(entry);
      entry.element.hidden = !this.matches(entry.row);
      fragment.append(entry.element);
      this.learn(entry.row.format);
    }
    this.list.prepend(fragment);
    this.count(arrived.length);
  }

  remove(n) {
    const entry = this.rows.get(n);
    entry.element?.remove();
    this.rows.delete(n);
    if (this.chosen === n) this.chosen = null;
  }

  count(arrived) {
    const shown = this.shown();
    const all = this.rows.size;
    const parts = [all === 0 ? "None yet" : plural(all, "notification")];
    if (shown.length !== all) parts.push(`${shown.length} shown`);
    if (all >= this.keep) parts.push(`the last ${this.keep} are kept`);
    if (this.paused) parts.push(`paused, ${this.waiting.length} more`);
    $("count").textContent = parts.join(" · ");
    $("pause").textContent = this.paused ? `Resume (${this.waiting.length})` : "Pause";
    $("empty").hidden = all > 0;
    const numbers = shown.length === all ? "" : `?n=${shown.map((entry) => entry.row.n).join(",")}`;
    $("export").href = `export${numbers}`;
    if (arrived > 0) this.say(plural(arrived, "new notification"));
  }

  /** Tells a screen reader, once in a while. */
  say(text) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { $("said").textContent = `${text}, ${this.rows.size} in all`; }, 1000);
  }

  learn(format) {
    if (this.formats.has(format)) return;
    this.formats.add(format);
    $("filter-format").append(element("option", { value: format }, format));
  }

  only() { return $("filter-only").value; }

  matches(row) {
    const format = $("filter-format").value;
    if (format && row.format !== format) return false;
    const text = $("filter-text").value.trim().toLowerCase();
    if (text) {
      const all = [row.kind, row.who, row.line, row.path, row.method, row.id, row.format].join("\n").toLowerCase();
      if (!text.split(/\s+/).every((word) => all.includes(word))) return false;
    }
    switch (this.only()) {
      case "first": return row.again === null;
      case "again": return row.again !== null;
      case "invalid": return row.signature !== null && !row.signature.valid;
      case "refused": return answerText(row.answer).good === false;
      case "problem": return row.problem !== null;
      default: return true;
    }
  }

  filter() {
    for (const entry of this.rows.values()) {
      if (entry.element) entry.element.hidden = !this.matches(entry.row);
    }
    this.count(0);
  }

  shown() { return [...this.rows.values()].filter((entry) => entry.element && !entry.element.hidden); }

  item(entry) {
    const { row } = entry;
    entry.answer = element("span", { class: "answer" });
    const title = row.kind || `${row.method} ${row.path}`;
    const badges = [];
    if (row.events > 1) badges.push(element("span", { class: "badge" }, plural(row.events, "event")));
    if (row.encoding) badges.push(foreign(row.encoding, { class: "badge" }));
    if (row.again !== null) badges.push(element("span", { class: "badge warm" }, `again, first #${row.again}`));
    if (row.signature) {
      const { valid, missing } = row.signature;
      const [look, words] = valid ? ["good", "signed"] : missing ? ["warm", "not signed"] : ["bad", "signature not valid"];
      badges.push(element("span", { class: `badge ${look}` }, words));
    }
    if (row.problem) badges.push(element("span", { class: "badge bad" }, "problem"));
    const open = () => this.select(row.n);
    entry.button = element("button", { type: "button", class: "row", on: { click: open }, data: { n: row.n } },
      element("span", { class: "first" },
        element("span", { class: "number" }, `#${row.n}`),
        foreign(title, { class: "kind" }),
        element("time", { datetime: row.at }, time(row.at)),
        entry.answer),
      element("span", { class: "line" }, foreign(row.line || row.problem || "\u00a0")),
      element("span", { class: "second" },
        row.who ? foreign(row.who, { class: "who" }) : null,
        element("span", { class: "badges" }, element("span", { class: "format" }, row.format), ...badges)));
    const item = element("li", {}, entry.button);
    this.mark(entry);
    return item;
  }

  mark(entry) {
    const { text, more, good } = answerText(entry.row.answer);
    entry.answer.textContent = text;
    entry.answer.title = more;
    entry.answer.className = `answer ${good === null ? "waiting" : good ? "good" : "bad"}`;
  }

  select(n) {
    const before = this.rows.get(this.chosen);
    before?.button?.removeAttribute("aria-current");
    this.chosen = n;
    this.rows.get(n)?.button?.setAttribute("aria-current", "true");
    this.choose(n);
  }

  /** Arrows, Home and End go through what is shown. */
  key(event) {
    const buttons = [...this.list.querySelectorAll("li:not([hidden]) > button")];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
    buttons[to].click();
  }
}

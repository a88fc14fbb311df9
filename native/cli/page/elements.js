// Makes elements. Whatever was received gets into the page as text or as an attribute's value, never as HTML.

export const $ = (id) => document.getElementById(id);

/** An element with properties and children; a child that is a string becomes a text node. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "on") for (const [event, call] of Object.entries(value)) made.addEventListener(event, call);
    else if (name === "data") for (const [key, text] of Object.entries(value)) made.dataset[key] = text;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** A text from outside, in its own direction. */
export const foreign = (text, properties = {}) => element("bdi", properties, visible(text));

/** Characters that steer the direction of text or cannot be seen, written out. */
export function visible(text) {
  const written = (c) => `\\u{${c.codePointAt(0).toString(16)}}`;
  return String(text).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu, written);
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

/** The time of day of a timestamp, with milliseconds. */
export function time(at) {
  const date = new Date(at);
  const two = (number) => String(number).padStart(2, "0");
  const milliseconds = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

/** What became of a request: words, and whether that is good. */
export function answerText(answer) {
  switch (answer.state) {
    case "sent": return { text: String(answer.status), more: `answered ${answer.status} after ${answer.ms} ms`, good: answer.status < 300 };
    case "closed": return { text: "closed", more: `the connection was closed after ${answer.ms} ms`, good: false };
    case "left": return { text: "gone", more: `the sender did not wait: it left after ${answer.ms} ms`, good: false };
    case "incomplete": return { text: "broken off", more: "the sender broke off in the middle of the request", good: false };
    default: return { text: "…", more: "not answered yet", good: null };
  }
}

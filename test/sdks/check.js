// Reads requests, one a line (native/payload/examples/requests.rs), with Node.js' JSON parser and the official
// SDK of CloudEvents, which validates them.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { HTTP } = require('cloudevents');

// The events of a request. In a batch each has its own id.
function eventsOf({ headers, body, message, messages, ids }) {
  const batched = messages !== undefined;
  const texts = batched ? messages : [message];
  const own = batched ? ids : [headers['webhook-id']];
  if (!headers['ce-id'] && !headers['content-type'].startsWith('application/cloudevents')) {
    const parsed = JSON.parse(body);
    if (batched) assert.deepEqual(parsed.map(({ id }) => id), ids);
    return { texts, events: batched ? parsed : [parsed], cloudevents: 0 };
  }
  const read = HTTP.toEvent({ headers, body });
  assert.equal(Array.isArray(read), batched);
  const members = batched ? read : [read];
  assert.deepEqual(members.map(({ id }) => id), own);
  const events = members.map((member) => {
    assert.equal(member.validate(), true);
    assert.equal(member.specversion, '1.0');
    assert.equal(member.datacontenttype, 'application/json');
    assert.ok(member.source, 'a source');
    return { type: member.type, timestamp: member.time, data: member.data };
  });
  return { texts, events, cloudevents: events.length };
}

let count = 0;
let all = 0;
let cloudevents = 0;
for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const read = eventsOf(JSON.parse(line));
  assert.equal(read.events.length, read.texts.length);
  read.events.forEach((event, number) => {
    assert.match(event.type, /^(message|unacknowledged|presence)\.[a-z]+$/);
    assert.equal(new Date(event.timestamp).toISOString(), '2026-11-26T12:34:56.789Z');
    assert.equal(event.data.host.endsWith('localhost') || event.data.host === 'münchen.example', true);
    assert.equal(event.data.body ?? null, read.texts[number]);
  });
  count += 1;
  all += read.events.length;
  cloudevents += read.cloudevents;
}
assert.ok(cloudevents > 0 && all > cloudevents && all > count, 'requests of each kind');
console.log(`Node.js: ${count} requests with ${all} events, ${cloudevents} CloudEvents among them, were read`);

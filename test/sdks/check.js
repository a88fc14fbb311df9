// Reads requests, one a line (native/payload/examples/requests.rs), with Node.js' JSON parser and the official
// SDK of CloudEvents, which validates them.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { HTTP } = require('cloudevents');

let count = 0;
let cloudevents = 0;
for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const { headers, body, message } = JSON.parse(line);
  let event = null;
  if (headers['ce-id'] || headers['content-type'] === 'application/cloudevents+json') {
    cloudevents += 1;
    const parsed = HTTP.toEvent({ headers, body });
    assert.equal(parsed.validate(), true);
    assert.equal(parsed.specversion, '1.0');
    assert.equal(parsed.id, headers['webhook-id']);
    assert.equal(parsed.datacontenttype, 'application/json');
    assert.ok(parsed.source, 'a source');
    event = { type: parsed.type, timestamp: parsed.time, data: parsed.data };
  } else {
    event = JSON.parse(body);
  }
  assert.match(event.type, /^(message|unacknowledged|presence)\.[a-z]+$/);
  assert.equal(new Date(event.timestamp).toISOString(), '2026-11-26T12:34:56.789Z');
  assert.equal(event.data.host.endsWith('localhost') || event.data.host === 'münchen.example', true);
  assert.equal(event.data.body ?? null, message);
  count += 1;
}
assert.ok(cloudevents > 0 && count > cloudevents, 'requests of each kind');
console.log(`Node.js: ${count} requests, ${cloudevents} CloudEvents among them, were read`);

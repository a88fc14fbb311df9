// Reads docs/asyncapi.json with AsyncAPI's own parser, which must find nothing wrong, and then requests, one a line
// (native/payload/examples/requests.rs): header fields and body of each must be those of exactly one message of its format.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { Parser } = require('@asyncapi/parser');
const Ajv = require('ajv').default;
const addFormats = require('ajv-formats').default;

const ERROR_OR_WARNING = 1;
const CHANNELS = ['json', 'jsonBatch', 'cloudevents', 'cloudeventsBinary', 'cloudeventsBatch', 'form'];

function validators(document) {
  const ajv = new Ajv({ strict: false });
  addFormats(ajv);
  // All but the form, which is not JSON.
  const channels = CHANNELS.filter((name) => name !== 'form');
  return Object.fromEntries(channels.map((name) => [name, document.channels().get(name).messages().all().map((message) => ({
    contentType: message.contentType(),
    headers: ajv.compile(message.headers().json()),
    payload: ajv.compile(message.payload().json()),
  }))]));
}

function channelOf(headers, payload) {
  if (headers['ce-id']) return 'cloudeventsBinary';
  const format = headers['content-type'].startsWith('application/cloudevents') ? 'cloudevents' : 'json';
  return Array.isArray(payload) ? `${format}Batch` : format;
}

async function main(file) {
  const { document, diagnostics } = await new Parser().parse(fs.readFileSync(file, 'utf8'));
  assert.deepEqual(diagnostics.filter(({ severity }) => severity <= ERROR_OR_WARNING), []);
  assert.deepEqual(document.channels().all().map((channel) => channel.id()).sort(), [...CHANNELS].sort());
  const known = validators(document);
  let count = 0;
  for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    const { headers, body } = JSON.parse(line);
    const payload = JSON.parse(body);
    // Only the delivery has this one; signatures come with it.
    const fields = { 'webhook-timestamp': '1795696497', ...headers };
    const candidates = known[channelOf(headers, payload)].filter(({ contentType }) => contentType === headers['content-type']);
    const accepted = candidates.filter((message) => message.headers(fields) && message.payload(payload));
    // In binary mode the type is not in the data, so that messages of several types have the same shape.
    const expected = headers['ce-id'] ? accepted.length : 1;
    assert.ok(accepted.length >= 1 && accepted.length === expected, `${accepted.length} messages for ${line}`);
    const wrong = (event) => ({ ...event, host: 1, data: 1 });
    const changed = Array.isArray(payload) ? [...payload, wrong(payload[0])] : wrong(payload);
    assert.ok(!candidates.some((message) => message.payload(changed)), 'a wrong one is refused');
    count += 1;
  }
  assert.ok(count > 0, 'requests');
  console.log(`AsyncAPI: a valid document; ${count} requests are as it says`);
}

main(process.argv[2]);

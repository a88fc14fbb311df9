// Receives signed events in Express: verifies, answers, and does the work afterwards.
//
// npm install express standardwebhooks
// WEBHOOK_SECRET=whsec_... PORT=8080 node express_receiver.js
'use strict';

const express = require('express');
const { Webhook } = require('standardwebhooks');

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
// With more than one process, keep the ids in a table that all see. A set remembers the order of its members.
const seen = new Set();

function isNew(id) {
  if (seen.has(id)) return false;
  seen.add(id);
  if (seen.size > 100000) seen.delete(seen.values().next().value);
  return true;
}

function handle(id, event) {
  console.log('event', id, event.type);
}

const app = express();
// The bytes as they came: the signature is over them. A compressed body is refused (415) instead of inflated first.
app.post('/events', express.raw({ type: '*/*', limit: '1mb', inflate: false }), (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body.toString('utf8'), request.headers);
  } catch (error) {
    response.sendStatus(401);
    return;
  }
  response.sendStatus(204);
  const id = request.get('webhook-id');
  if (isNew(id)) setImmediate(handle, id, event);
});
app.listen(Number(process.env.PORT), '127.0.0.1');

// Express, as its guide shows it: healthy, or with one of the faults that its users report. `node express.js PORT KIND`.
'use strict';

const { EventEmitter } = require('node:events');
const express = require('express');
const session = require('express-session');
const { LRUCache } = require('lru-cache');
const client = require('prom-client');

const [port, kind] = process.argv.slice(2);
const app = express();
client.collectDefaultMetrics();

app.get('/metrics', async (request, response) => {
  response.set('Content-Type', client.register.contentType).send(await client.register.metrics());
});
if (kind === 'session') app.use(session({ secret: 'soak', resave: false, saveUninitialized: true })); // its MemoryStore
app.get('/items/:id', (request, response) => {
  const lines = Array.from({ length: 100 }, (_, line) => ({ id: request.params.id, line }));
  response.json(lines);
});

const entries = Number(process.env.ENTRIES || 4000);
const cache = new LRUCache({ max: entries });
app.get('/cached', (request, response) => {
  const key = Math.floor(Math.random() * entries);
  if (!cache.has(key)) cache.set(key, Array.from({ length: 512 }, () => Math.random())); // four kilobytes
  response.json(cache.get(key).length);
});

const bus = new EventEmitter().setMaxListeners(0);
app.get('/listen', (request, response) => {
  bus.on('change', () => response.locals);
  response.json(bus.listenerCount('change'));
});

app.listen(Number(port), '127.0.0.1');

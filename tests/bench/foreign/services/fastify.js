// Fastify, as its guide shows it. `node fastify.js PORT`.
'use strict';

const fastify = require('fastify')();
const client = require('prom-client');

client.collectDefaultMetrics();
fastify.get('/metrics', async (request, reply) => {
  reply.header('Content-Type', client.register.contentType);
  return client.register.metrics();
});
fastify.get('/items/:id', async (request) => Array.from({ length: 100 }, (_, line) => ({ id: request.params.id, line })));
fastify.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });

// The pool of connections: of a fixed size and open from the start, but for the leaks of it.
'use strict'

const { Pool } = require('pg')

const SIZE = 10
const LEAKY_MAX = 500
const OVERSIZE = 500
const BURST = 60

async function openPool(connectionString, leak) {
  const size = leak === 'idle-kept' ? BURST : SIZE
  const max = { connections: LEAKY_MAX, 'pool-large': OVERSIZE }[leak] ?? size
  const pool = new Pool({ connectionString, max, idleTimeoutMillis: 0 })
  pool.on('error', () => {}) // the database may end before the service does
  const opened = await Promise.all(Array.from({ length: size }, () => pool.connect()))
  for (const one of opened) one.release()
  return pool
}

module.exports = { openPool }

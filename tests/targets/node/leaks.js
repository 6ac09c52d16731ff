// The leaks, one function each.
'use strict'

const { EventEmitter } = require('node:events')
const net = require('node:net')

const NAMES = [
  'none', 'map', 'array', 'closure', 'timers', 'listeners', 'request', 'promise', 'sockets', 'file', 'connections', 'buffers',
  'pool-large', 'idle-kept', 'churn', 'buffered',
]
const PAGE_NUMBERS = 8192 // doubles: 64 KiB on the heap
const REQUEST_NUMBERS = 512 // 4 KiB
const BUFFER_BYTES = 64 << 10
const OFTEN = 3_600_000

const searches = new Map()
const audit = []
const onStop = []
const requests = new Map()
const files = []
const buffers = []
const sockets = []
const stockChanges = new EventEmitter().setMaxListeners(0)
const underWay = new Array(128)
let made = 0
let carrier

// A key that never comes again: a cache without a bound.
function rememberSearch(text) {
  searches.set(`${text}-${searches.size}`, new Array(PAGE_NUMBERS).fill(0.5))
}

function appendAudit() {
  audit.push(new Array(PAGE_NUMBERS).fill(0.5))
}

// Middleware whose closure, for the end of the service, holds what it copied of each request.
function remember() {
  const copied = new Array(REQUEST_NUMBERS).fill(0.5)
  onStop.push(function flush() {
    return copied.length
  })
}

// A timer a request that nobody clears, and what it will refresh.
function refreshOften() {
  const page = new Array(PAGE_NUMBERS).fill(0.5)
  setInterval(function refresh() {
    page[0] += 1
  }, OFTEN)
}

// A listener a request on an emitter that outlives them all.
function listenForever() {
  const page = new Array(PAGE_NUMBERS).fill(0.5)
  stockChanges.on('change', function onChange() {
    page[0] += 1
  })
}

// Per-request state registered, and never removed when the answer is sent.
function keepRequest(request) {
  requests.set(requests.size, { request, page: new Array(PAGE_NUMBERS).fill(0.5) })
}

// An async function that never goes on keeps its locals for as long as something could resolve it.
const unsettled = []
async function awaitForever() {
  const page = new Array(PAGE_NUMBERS).fill(0.5)
  await new Promise((resolve) => unsettled.push(resolve))
  page[0] += 1
}

// What the shop asks over TCP, in this process.
function startCarrier() {
  const accepted = net.createServer((socket) => socket.on('error', () => {}))
  return new Promise((resolve) => {
    accepted.listen(0, '127.0.0.1', () => {
      carrier = accepted.address().port
      resolve()
    })
  })
}

// Both ends of the connection stay open: two descriptors.
function connectAndForget() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(carrier, '127.0.0.1', resolve)
    socket.on('error', reject)
    sockets.push(socket)
  })
}

function keepOpen(descriptor) {
  files.push(descriptor)
}

// A client that is never released.
async function tariffUnreleased(pool) {
  const client = await pool.connect()
  const { rows } = await client.query('SELECT 490 AS price')
  return rows[0].price
}

// Memory that V8 counts as external.
function keepBuffer() {
  buffers.push(Buffer.alloc(BUFFER_BYTES, 42))
}

// Garbage, and none of it kept for longer than what is under way in a busy service: long enough to grow old.
function churn() {
  for (let n = 0; n < 50; n++) underWay[made++ % underWay.length] = new Array(PAGE_NUMBERS).fill(0.5)
}

function whole(pieces, size) {
  return Buffer.concat(Array.from({ length: pieces }, () => Buffer.alloc(size)))
}

module.exports = {
  NAMES, rememberSearch, appendAudit, remember, refreshOften, listenForever, keepRequest, awaitForever, startCarrier,
  connectAndForget, keepOpen, tariffUnreleased, keepBuffer, churn, whole,
}

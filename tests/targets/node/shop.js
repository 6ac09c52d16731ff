// A Node service with pg on PostgreSQL and prom-client; it leaks in one chosen way, or not at all.
//
// node shop.js --database postgresql://… --leak map. Each leak sits behind one endpoint and costs the same with every request
// to it; tests/targets/known.py says what and where. NODE_PATH names the directory with its packages.
'use strict'

const http = require('node:http')
const fs = require('node:fs')
const v8 = require('node:v8')
const vm = require('node:vm')
const { parseArgs } = require('node:util')
const client = require('prom-client')
const leaks = require('./leaks.js')
const { openPool } = require('./pool.js')

const LISTED = 50
const RECENT = 64
const EXPORT_PIECE = 32 << 10
const WARM_UPS = 200

const { values: asked } = parseArgs({
  options: {
    addr: { type: 'string', default: '127.0.0.1:0' },
    leak: { type: 'string', default: 'none' },
    database: { type: 'string' },
    'until-eof': { type: 'boolean', default: false },
  },
})
if (!leaks.NAMES.includes(asked.leak)) throw new Error(`no such leak: ${asked.leak}; there are ${leaks.NAMES.join(', ')}`)
if (!asked.database) throw new Error('--database is required')
const [host, port] = asked.addr.split(':')
if (host !== '127.0.0.1') throw new Error('listens on 127.0.0.1 only')

let leak = 'none' // until all is warm
const recent = []

function answer(response, value, status = 200) {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(value))
}

async function body(request) {
  const pieces = []
  for await (const piece of request) pieces.push(piece)
  return JSON.parse(Buffer.concat(pieces).toString())
}

function orders(request, response) {
  if (leak === 'request') leaks.keepRequest(request, response)
  if (leak === 'timers') leaks.refreshOften()
  const list = []
  for (let n = 0; n < LISTED; n++) list.push({ id: n, product: `product ${(n * 7) % 200}`, quantity: 1 + (n % 3) })
  answer(response, list)
}

async function placeOrder(request, response) {
  const order = await body(request)
  if (leak === 'listeners') leaks.listenForever()
  if (leak === 'array') leaks.appendAudit()
  answer(response, order, 201)
}

function search(url, response) {
  const text = url.searchParams.get('q')
  recent.push(text)
  if (recent.length > RECENT) recent.shift()
  if (leak === 'map') leaks.rememberSearch(text)
  if (leak === 'buffers') leaks.keepBuffer()
  if (leak === 'churn') leaks.churn()
  answer(response, [text, `${text} 2`])
}

async function stock(response) {
  if (leak === 'sockets') await leaks.connectAndForget()
  if (leak === 'promise') leaks.awaitForever()
  answer(response, 42)
}

function invoice(response) {
  const descriptor = fs.openSync('/dev/null', 'r')
  if (leak === 'file') leaks.keepOpen(descriptor)
  else fs.closeSync(descriptor)
  answer(response, '/dev/null')
}

async function shipping(pool, response) {
  const price = leak === 'connections' ? await leaks.tariffUnreleased(pool) : (await pool.query('SELECT 490 AS price')).rows[0].price
  answer(response, price)
}

// exported answers n MiB, in small pieces and as fast as they are taken, unless the leak is to build it whole.
async function exported(url, response) {
  const pieces = (Number(url.searchParams.get('mb')) << 20) / EXPORT_PIECE
  if (leak === 'buffered') return response.end(leaks.whole(pieces, EXPORT_PIECE))
  const piece = Buffer.alloc(EXPORT_PIECE)
  for (let n = 0; n < pieces; n++) {
    if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve))
  }
  response.end()
}

function expose(pool) {
  const register = new client.Registry()
  client.collectDefaultMetrics({ register })
  const gauge = (name, help, value) =>
    new client.Gauge({ name, help, registers: [register], collect() { this.set(value()) } })
  gauge('db_pool_connections_in_use', 'Checked out', () => pool.totalCount - pool.idleCount)
  gauge('db_pool_connections_open', 'Open, idle ones too', () => pool.totalCount)
  gauge('db_pool_connections_waiting', 'Callers that wait', () => pool.waitingCount)
  gauge('db_pool_connections_max', "The pool's limit", () => pool.options.max)
  return register
}

async function route(pool, register, request, response) {
  const url = new URL(request.url, 'http://127.0.0.1')
  const path = url.pathname
  if (path === '/healthz') return response.end('ok\n')
  if (path === '/metrics') {
    response.setHeader('Content-Type', register.contentType)
    return response.end(await register.metrics())
  }
  if (leak === 'closure') leaks.remember(request)
  if (path.startsWith('/products/')) {
    const { rows } = await pool.query("SELECT $1::int AS id, 'product ' || $1::int AS name", [Number(path.slice(10))])
    return answer(response, rows[0])
  }
  if (path === '/orders') return request.method === 'POST' ? placeOrder(request, response) : orders(request, response)
  if (path === '/search') return search(url, response)
  if (path.startsWith('/stock/')) return stock(response)
  if (path === '/invoices/latest') return invoice(response)
  if (path.startsWith('/shipping/')) return shipping(pool, response)
  if (path === '/export') return exported(url, response)
  response.writeHead(404).end()
}

// Asks every endpoint, while none leaks yet, until the code is compiled and the heap has the size it will have.
async function warmUp(url) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 })
  const ask = (method, path) =>
    new Promise((resolve, reject) => {
      const request = http.request(url + path, { agent, method }, (response) => response.on('end', resolve).resume())
      request.on('error', reject)
      request.end(method === 'POST' ? '{"id":1,"product":7,"quantity":2}' : undefined)
    })
  for (let round = 0; round < WARM_UPS; round++) {
    const paths = ['/healthz', '/metrics', '/products/7', '/orders', '/search?q=lamp', '/stock/7', '/invoices/latest', '/shipping/is']
    await Promise.all([...paths.map((path) => ask('GET', path)), ask('POST', '/orders')])
  }
  agent.destroy()
  v8.setFlagsFromString('--expose-gc')
  vm.runInNewContext('gc')()
}

async function main() {
  const pool = await openPool(asked.database, asked.leak)
  await leaks.startCarrier()
  const register = expose(pool)
  const server = http.createServer((request, response) => {
    route(pool, register, request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(503)
      response.end(String(error))
    })
  })
  await new Promise((resolve) => server.listen(Number(port), host, resolve))
  // What leaked must not hold up the end, so it is not an orderly one.
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
  if (asked['until-eof']) process.stdin.on('end', () => process.exit(0)).resume()
  const url = `http://${host}:${server.address().port}`
  await warmUp(url)
  leak = asked.leak
  console.log(`listening on ${url}`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})

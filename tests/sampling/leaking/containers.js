// Gains an entry of one container for each request to its path; `/full` stays at 30 entries, `/swept` is emptied at 40.
const http = require('node:http')
const { EventEmitter } = require('node:events')

class Registry {
  open = new Map()
  bare = Object.create(null)
}
const registry = new Registry(), seen = new Set(), listed = [], byKey = {}
const bus = new EventEmitter(), stop = new AbortController()
bus.setMaxListeners(0)
EventEmitter.setMaxListeners(0, stop.signal)
const full = new Map(Array.from({ length: 30 }, (_, key) => [key, key]))
// What must not be touched: a proxy, and a getter that would be noticed.
const touched = []
const proxy = new Proxy([], { get: (_, key) => touched.push(key) })
class Odd { get length() { touched.push('getter'); return 1e6 } }
const odd = [new Odd(), proxy]
Object.defineProperty(odd[0], 'size', { enumerable: true, get: () => touched.push('size') })
let next = 0
const gains = {
  '/map': () => registry.open.set(next, { next }),
  '/bare': () => { registry.bare[`k${next}`] = { next } },
  '/set': () => seen.add(`s${next}`),
  '/list': () => listed.push({ next }),
  '/object': () => { byKey[`k${next}`] = { next } },
  '/event': () => bus.on('price', () => next),
  '/signal': () => stop.signal.addEventListener('abort', () => next),
  '/full': () => { full.delete(full.keys().next().value); full.set(next, next) },
}
const server = http.createServer((request, answer) => {
  next++
  if (request.url === '/touched') return answer.end(JSON.stringify(touched))
  gains[request.url]?.()
  answer.end(`${odd.length}`)
})
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`))

// express-session: its MemoryStore keeps every session (its README says so); memorystore expires them.
const express = require('express')
const session = require('express-session')

const options = { secret: 's', resave: false, saveUninitialized: true, cookie: { maxAge: 5000 } }
if (process.argv[3] === 'fixed') {
  const MemoryStore = require('memorystore')(session)
  options.store = new MemoryStore({ checkPeriod: 2000 })
}
const app = express()
app.get('/other', (request, response) => response.send('ok'))
app.get('/metrics', (request, response) => response.type('text/plain').send(`# TYPE nodejs_heap_size_used_bytes gauge\nnodejs_heap_size_used_bytes ${process.memoryUsage().heapUsed}\n`))
app.use(session(options))
app.get('/cart', function cart(request, response) {
  request.session.items = Array.from({ length: 20 }, (_, n) => `item ${n} of ${Math.random()}`)
  response.send('ok')
})
app.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${process.argv[2]}`))
process.stdin.on('end', () => process.exit(0)).resume()

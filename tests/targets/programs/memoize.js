// The npm package mem: before 4.0.0 it kept every result whose maxAge had passed.
const http = require('node:http')
const mem = require('mem')

function price(key) {
  return { key, pad: 'x'.repeat(4096) + key }
}
const cached = mem(price, { maxAge: 1000 })
let n = 0
const server = http.createServer((request, response) => {
  const path = request.url.split('?')[0]
  if (path === '/price') cached(`product-${n++}`)
  response.setHeader('Content-Type', 'text/plain')
  response.end(path === '/metrics' ? `# TYPE nodejs_heap_size_used_bytes gauge\nnodejs_heap_size_used_bytes ${process.memoryUsage().heapUsed}\n` : 'ok\n')
})
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${process.argv[2]}`))
process.stdin.on('end', () => process.exit(0)).resume()

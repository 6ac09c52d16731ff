// Keeps the requests to /kept for good, and no others.
'use strict'

const kept = []
const server = require('node:http').createServer((request, response) => {
  if (request.url === '/kept') kept.push(request)
  response.end()
})
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`))

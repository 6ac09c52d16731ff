// Keeps the requests to /kept for good, and no others; each to /timer starts a timer that nobody clears.
'use strict'

const kept = []
const server = require('node:http').createServer((request, response) => {
  if (request.url === '/kept') kept.push(request)
  if (request.url === '/timer') setInterval(() => {}, 3600e3)
  response.end()
})
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`))

// Two workers that serve requests.js beside this. PORT is 0, which all workers share.
const cluster = require('node:cluster')

if (cluster.isPrimary) for (let worker = 0; worker < 2; worker++) cluster.fork()
else require('./requests.js')

// Keeps pages of 16 KiB for good.
'use strict'

const kept = []

function remember() {
  kept.push(new Array(2048).fill(0.5))
}

require('node:readline')
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    for (let n = 0; n < Number(line); n++) remember()
    console.log('leaked')
  })
  .on('close', () => process.exit(0))
console.log('ready')

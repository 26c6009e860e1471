import { heapStats } from 'bun:jsc'
import { renameSync, writeFileSync } from 'node:fs'

// On SIGUSR2 the process collects its garbage and writes the heap statistics to the file HEAP_PROBE.
// Usage: bun --preload test/bench/heap-probe.ts src/main.ts

process.on('SIGUSR2', () => {
  Bun.gc(true)
  const { heapSize, objectCount, objectTypeCounts } = heapStats()
  const path = Bun.env['HEAP_PROBE'] ?? ''
  writeFileSync(`${path}.new`, JSON.stringify({ heapSize, objectCount, objectTypeCounts }))
  renameSync(`${path}.new`, path)
})

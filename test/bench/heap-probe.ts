import { heapStats } from 'bun:jsc'
import { renameSync, writeFileSync } from 'node:fs'

// bun --preload test/bench/heap-probe.ts src/main.ts: on SIGUSR2 the process collects its garbage and writes what is left
// to HEAP_PROBE.

process.on('SIGUSR2', () => {
  Bun.gc(true)
  const { heapSize, objectCount, objectTypeCounts } = heapStats()
  const path = Bun.env['HEAP_PROBE'] ?? ''
  writeFileSync(`${path}.new`, JSON.stringify({ heapSize, objectCount, objectTypeCounts }))
  renameSync(`${path}.new`, path)
})

import { heapStats } from 'bun:jsc'
import { writeFileSync } from 'node:fs'

// bun --preload test/bench/heap-probe.ts src/main.ts: on SIGUSR2 the process collects its garbage and writes what is left
// to HEAP_PROBE.

process.on('SIGUSR2', () => {
  Bun.gc(true)
  const { heapSize, objectCount, objectTypeCounts } = heapStats()
  const { rss } = process.memoryUsage()
  writeFileSync(Bun.env['HEAP_PROBE'] ?? '', JSON.stringify({ heapSize, objectCount, objectTypeCounts, rss }))
})

import { existsSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './executable'

type Heap = { heapSize: number; objectCount: number; objectTypeCounts: { [name: string]: number } }

const patienceMilliseconds = 30_000

/** Lets a process collect garbage and report its objects: options for Bun, a variable, and the request. */
export function createHeapProbe(dir: string) {
  const path = join(dir, 'heap.json')
  return {
    options: ['--preload', join(repository, 'test/bench/heap-probe.ts')],
    env: { HEAP_PROBE: path },
    async measure(pid: number): Promise<Heap> {
      if (existsSync(path)) unlinkSync(path)
      process.kill(pid, 'SIGUSR2')
      const deadline = performance.now() + patienceMilliseconds
      while (!existsSync(path) && performance.now() < deadline) await Bun.sleep(20)
      return JSON.parse(readFileSync(path, 'utf8'))
    },
  }
}

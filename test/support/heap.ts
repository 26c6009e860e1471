import { existsSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './executable'

type Heap = { heapSize: number; objectCount: number; objectTypeCounts: { [name: string]: number } }

const patienceMilliseconds = 30_000

/** What makes a process collect its garbage and tell what is left: options of Bun, a variable, and how to ask. */
export function createHeapProbe(dir: string) {
  const path = join(dir, 'heap.json')
  return {
    options: ['--preload', join(repository, 'test/bench/heap-probe.ts')],
    env: { HEAP_PROBE: path },
    async look(pid: number): Promise<Heap> {
      if (existsSync(path)) unlinkSync(path)
      process.kill(pid, 'SIGUSR2')
      const deadline = performance.now() + patienceMilliseconds
      while (!existsSync(path) && performance.now() < deadline) await Bun.sleep(20)
      return JSON.parse(readFileSync(path, 'utf8'))
    },
  }
}

import type { Deps } from '../../src/deps'
import { sweep } from '../../src/server/cleanup-job'

/** Runs one whole round of the cleanup without its pauses; answers how many rows it deleted. */
export async function cleanUp(deps: Deps): Promise<number> {
  let sum = 0
  for await (const rows of sweep(deps)) sum += rows
  return sum
}

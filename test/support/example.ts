import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './executable'

/** What stands in an example, and what takes its place everywhere in it. */
export type Swap = [was: string, is: string]

/** A file of docs/deploy with some words swapped. Throws for one that is not there: then it is not what was tested. */
export function example(name: string, swaps: Swap[]): string {
  return swaps.reduce(
    (text, [was, is]) => {
      if (!text.includes(was)) throw new Error(`docs/deploy/${name} has no ${JSON.stringify(was)}`)
      return text.replaceAll(was, is)
    },
    readFileSync(join(repository, 'docs/deploy', name), 'utf8'),
  )
}

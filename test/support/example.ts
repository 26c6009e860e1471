import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './executable'

/** A text of an example and its replacement. */
export type Swap = [was: string, is: string]

/** A file of docs/deploy with replacements. Throws when a text is missing, because the test would not use the example. */
export function example(name: string, swaps: Swap[]): string {
  return swaps.reduce(
    (text, [was, is]) => {
      if (!text.includes(was)) throw new Error(`docs/deploy/${name} has no ${JSON.stringify(was)}`)
      return text.replaceAll(was, is)
    },
    readFileSync(join(repository, 'docs/deploy', name), 'utf8'),
  )
}

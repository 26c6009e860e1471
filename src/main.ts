import './cli/production'
import { run } from './cli/program'

process.exit(await run(process.argv.slice(2)))

import { loadTemplate } from '../../src/embedded/cluster-template'

// Makes the template of the embedded database once. Otherwise each parallel test would make it, at 5 s and 1 GB each.
await loadTemplate()

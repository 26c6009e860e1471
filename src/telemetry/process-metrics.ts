import { readdir } from 'node:fs/promises'
import type { MetricDefinition } from './register-metrics'

const perMicrosecond = 1e-6

/** The process metrics under the names that Prometheus dashboards expect. */
export const processMetrics = (): MetricDefinition[] => [
  {
    name: 'process_cpu_user_seconds_total',
    help: 'CPU time spent in the program.',
    read: () => process.cpuUsage().user * perMicrosecond,
  },
  {
    name: 'process_cpu_system_seconds_total',
    help: 'CPU time that the kernel spent for it.',
    read: () => process.cpuUsage().system * perMicrosecond,
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'CPU time of both kinds.',
    read: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) * perMicrosecond
    },
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory in use.',
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the process started, in seconds since 1970.',
    read: () => performance.timeOrigin / 1000,
  },
  {
    name: 'process_open_fds',
    help: 'Open files and sockets; 0 where there is no /proc.',
    read: openDescriptors,
  },
]

async function openDescriptors(): Promise<number> {
  try {
    return (await readdir('/proc/self/fd')).length
  } catch {
    return 0
  }
}
